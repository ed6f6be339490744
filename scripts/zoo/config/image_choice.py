"""Which images serve a model for calibration, verification and evaluation, and where they lie.

Read each time a build starts, so the standard library is all it needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.config.outputs.paths import dataset_folder
from zoo.config.training.images import purpose_set
from zoo.config.zoo import Model, Zoo
from zoo.errors import EntryError
from zoo.images.sets import ImageSet

SHIPPED = "calib"
"""The folder of ncnn-zoo's own images. A zoo in another folder that has no such images uses these."""


@dataclass(frozen=True)
class ChosenImages:
    """The images that serve a model for a purpose, and the folder of the packaged data set that they are of,
    which a rule writes; none if they are the user's."""

    images: ImageSet
    dataset: tuple[str, ...] = ()

    @cached_property
    def values(self) -> dict[str, Any]:
        """The images as plain values, for jobs; many ask."""
        return self.images.to_dict()


def images_for(zoo: Zoo, name: str, purpose: str) -> ChosenImages:
    """The images that serve the model of a name for a purpose: its own choice; else, if it is trained here,
    the part of the training's images that is for it; else what config.yaml has under `defaults`.

    Raises EntryError if nothing is chosen, and ZooError for malformed values.
    """
    model = zoo.models[name]
    if model.trained and purpose not in model.choices:
        images = purpose_set(model.spec.weights, Path(training_folder(model)), purpose)
        return ChosenImages(images, training_dataset(model))
    choice, declared = _choice(zoo, model, purpose)
    dataset = (dataset_folder(declared["dataset"]),) if "dataset" in declared else ()
    path = dataset[0] if dataset else declared["path"]
    values = {key: value for key, value in declared.items() if key not in ("dataset", "set")}
    values |= {key: choice[key] for key in ("images", "seed") if key in choice}
    images = ImageSet.from_dict({**values, "name": set_title(choice), "path": _located(path, zoo.home)})
    return ChosenImages(images, dataset)


def set_title(choice: Mapping[str, Any]) -> str:
    """What messages call a set: by the name that a choice has for it, or the end of its path."""
    return str(choice.get("set") or Path(*Path(choice["path"]).parts[-2:]))


def datasets_of(chosen: Iterable[ChosenImages]) -> list[str]:
    """The folders of packaged data sets that images are of, each once."""
    return list(dict.fromkeys(folder for images in chosen for folder in images.dataset))


def training_folder(model: Model) -> str:
    """The folder of the images that a model is trained on."""
    location = str(model.spec.weights.location)
    return dataset_folder(location) if model.trained_on_packaged else location


def training_dataset(model: Model) -> tuple[str, ...]:
    """That folder, if it is of a packaged data set, which a rule writes."""
    return (training_folder(model),) if model.trained_on_packaged else ()


def _choice(zoo: Zoo, model: Model, purpose: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The choice of images for a purpose, and the declaration of the set that it names or is.

    A model's choice is taken whole: an image set of its own need not have as many images as the zoo's.
    """
    choice = model.choices.get(purpose) or zoo.defaults.get(purpose)
    if choice is None:
        raise EntryError(
            f"models: {model.name}: no {purpose} images are chosen; choose some for all models "
            f"(defaults: {{{purpose}: {{path: …, images: 100}}}}) or in its own entry",
            ("models", model.name),
        )
    if "path" in choice:
        return choice, choice
    return choice, zoo.image_sets[str(choice["set"])]


def _located(path: str, home: Path) -> Path:
    """A path as it is written, or, if the working folder has no such images, that of ncnn-zoo's own."""
    here = Path(path)
    ours = not here.is_absolute() and here.parts[:1] == (SHIPPED,) and not here.exists()
    return home / here if ours and (home / here).exists() else here
