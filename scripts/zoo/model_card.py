"""The model card: all that later jobs, which do not import torch, know of a model and its weights."""

from pathlib import Path
from typing import Any

from torch import nn

from zoo.architecture import naming, timm_config
from zoo.checkpoint import find_package, package_licence
from zoo.datasets import DATASETS
from zoo.errors import ZooError
from zoo.flops import multiply_adds
from zoo.preprocess import Preprocess, from_timm_config
from zoo.spec import ModelSpec

IMAGENET_CLASSES = 1000


def model_card(spec: ModelSpec, model: nn.Module, source: dict[str, Any], sha256: str) -> dict[str, Any]:
    """The card as plain values, for the JSON file beside the weights.

    source: as `zoo.weights.fetch` returns it. sha256: digest of the saved .safetensors file.
    input is [channels, height, width]; labels has a name per class or is None where they are not known;
    class_ids has the WordNet id of each class of ImageNet-1k, or is None; multiply_adds is for one image.

    Raises ZooError naming the model for a preprocessing override that makes no sense, a model that does not
    take three channels, or a label file that is missing or does not have one line per class.
    """
    with naming(spec):
        preprocess = preprocess_record(spec)
        channels = int(spec.args.get("in_chans", 3))
        if channels != len(preprocess.mean):
            raise ZooError(
                f"args in_chans is {channels}, and only models of three channels can be prepared for"
            )
        classes = int(model.num_classes)  # type: ignore[arg-type]
        return {
            "name": spec.name,
            "timm": spec.timm,
            "args": spec.args,
            "source": source,
            "random": spec.weights.random,
            "sha256": sha256,
            "licence": licence(spec),
            "num_classes": classes,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "multiply_adds": multiply_adds(model, [(channels, *preprocess.size)]),
            "input": [channels, *preprocess.size],
            "preprocess": preprocess.to_dict(),
            "labels": labels(spec, classes),
            "class_ids": class_ids(spec, classes),
        }


def preprocess_record(spec: ModelSpec) -> Preprocess:
    """timm's record for the model's tag with the specification's overrides; ZooError for bad values."""
    record = from_timm_config(timm_config(spec))
    return Preprocess.from_dict({**record.to_dict(), **spec.preprocess})


def licence(spec: ModelSpec) -> str:
    """The configuration's word, else the source's own: timm's record for its hub, the package's metadata, the
    data set's; "unknown" where the source says nothing, as for a local file."""
    weights = spec.weights
    said = spec.licence
    if said is None and weights.kind == "hub" and weights.location is None:
        said = timm_config(spec).get("license")
    elif said is None and weights.kind == "package":
        said = package_licence(find_package(str(weights.location)))
    elif said is None and weights.kind == "train":
        said = DATASETS[str(weights.location)].licence
    return said or "unknown"


def labels(spec: ModelSpec, classes: int) -> list[str] | None:
    """Class names in the order of the outputs: from the configured file, the data set trained on, or
    ImageNet-1k's where there are 1000 classes. None if they are unknown or the weights random."""
    if spec.labels is not None:
        return _from_file(Path(spec.labels), classes)
    if spec.weights.kind == "train":
        names = list(DATASETS[str(spec.weights.location)].classes)
        return names if len(names) == classes else None
    if spec.weights.random or classes != IMAGENET_CLASSES:
        return None
    from timm.data import ImageNetInfo

    return list(ImageNetInfo().label_descriptions())


def class_ids(spec: ModelSpec, classes: int) -> list[str] | None:
    """ImageNet-1k's WordNet ids in the order of the outputs, by which the folders of its images are named;
    None for a model that was trained here or has another number of classes."""
    if spec.weights.kind == "train" or classes != IMAGENET_CLASSES:
        return None
    from timm.data import ImageNetInfo

    return list(ImageNetInfo().label_names())


def _from_file(path: Path, classes: int) -> list[str]:
    try:
        names = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(
            f"labels: {path} cannot be read ({error}); give a text file, one class name a line"
        ) from error
    if len(names) != classes:
        raise ZooError(f"labels: {path} has {len(names)} lines and the model {classes} classes")
    return [name.strip() for name in names]
