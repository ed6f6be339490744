"""The images that a model is trained on, and what follows from them: its classes.

Imported while Snakemake parses the rules, so the standard library is all it needs.
"""

from dataclasses import replace
from pathlib import Path

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import Training, WeightsSource
from zoo.images.datasets import DATASETS
from zoo.images.sets import ImageSet
from zoo.images.splits import PARTS, Split, class_names

IMAGES = {"calibration": ("train", 200), "verification": ("test", 100), "evaluation": ("test", None)}
"""For each purpose, the part of the images that serves it if the configuration names no other, and how many
images at most: what was trained on calibrates, and what was held out judges."""


def is_packaged(weights: WeightsSource) -> bool:
    """Whether weights are trained on one of `zoo.images.datasets`, and not on a folder of the user's."""
    return weights.location in DATASETS


def part_of(weights: WeightsSource, folder: Path, part: str) -> ImageSet:
    """The part `train` or `test` of the images that weights are trained on, which lie in `folder`."""
    training = weights.training or Training()
    split = Split(part, training.held_out, training.split_seed)
    return ImageSet(f"{weights.location} ({part})", folder, labels=True, split=split)


def parts(weights: WeightsSource, folder: Path) -> tuple[ImageSet, ImageSet]:
    """What is trained on, and what is held out."""
    train, test = (part_of(weights, folder, part) for part in PARTS)
    return train, test


def purpose_set(weights: WeightsSource, folder: Path, purpose: str) -> ImageSet:
    """The images of a training that serve calibration, verification or evaluation."""
    part, images = IMAGES[purpose]
    return replace(part_of(weights, folder, part), images=images, fewer=True)


def training_classes(weights: WeightsSource) -> list[str]:
    """Names of the classes, in the order of the outputs. Raises what `class_names` raises."""
    location = str(weights.location)
    return list(DATASETS[location].classes) if is_packaged(weights) else class_names(Path(location))


def with_classes(spec: ModelSpec, classes: int) -> ModelSpec:
    """The specification with as many outputs as there are classes, where it does not say how many itself;
    a function of the user's own is left to give as many."""
    argument = spec.kind.classes_argument
    return spec if argument is None else replace(spec, args={argument: classes} | spec.args)
