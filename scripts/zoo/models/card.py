"""The model card: all that later jobs, which do not import torch, know of a model and its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from zoo.config.card import CLASSIFICATION, OTHER, ModelCard, Output
from zoo.config.model_spec import FILES, ModelSpec
from zoo.config.training_images import is_packaged, training_classes
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.datasets import DATASETS
from zoo.images.inputs import IMAGE, Feed, Input
from zoo.images.preprocess import Preprocess
from zoo.models.architecture import naming
from zoo.models.checkpoint import find_package, package_licence
from zoo.models.flops import multiply_adds
from zoo.models.libraries import library
from zoo.runners.torch_outputs import named_tensors

IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Traits:
    """What a model shows of itself: what feeds it, the shape of each output by name, without the batch, how
    many parameters it has, and the multiply-adds of one run, None where nobody counted."""

    feed: Feed
    outputs: Mapping[str, Sequence[int]]
    parameters: int
    multiply_adds: int | None

    @classmethod
    def of(cls, spec: ModelSpec, model: nn.Module) -> Self:
        """Those of a module. Raises ZooError if it does not take the inputs that are declared."""
        feed = feed_of(spec)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        return cls(feed, outputs_of(model, feed), parameters, multiply_adds(model, feed.shapes))


def describe(spec: ModelSpec, model: nn.Module, source: Mapping[str, Any], sha256: str) -> ModelCard:
    """The card of a module. See `card_of`.

    Raises ZooError naming the model for a preprocessing override that makes no sense, a model that does not
    take the inputs that are declared, or a label file that is missing or does not have one line per class.
    """
    with naming(spec):
        return card_of(spec, Traits.of(spec, model), source, sha256)


def card_of(spec: ModelSpec, traits: Traits, source: Mapping[str, Any], sha256: str) -> ModelCard:
    """The card from what is known of a model.

    source: as `zoo.models.weights.fetch` returns it. sha256: digest of the saved file of weights. Raises
    ZooError, without naming the model, for a label file that does not fit and a classifier that is none.
    """
    described = ModelCard(
        name=spec.name,
        library=spec.library,
        architecture=spec.architecture,
        args=spec.args,
        source=source,
        random=spec.weights.random,
        sha256=sha256,
        licence=licence(spec),
        task=spec.task or default_task(spec, traits.outputs),
        parameters=traits.parameters,
        multiply_adds=traits.multiply_adds,
        inputs=traits.feed.inputs,
        outputs=tuple(Output(name, tuple(shape)) for name, shape in traits.outputs.items()),
        preprocess=traits.feed.record,
        labels=None,
        class_ids=None,
    )
    names, folders = (of(spec, described.num_classes) for of in (labels, class_ids))
    return replace(
        described,
        labels=None if names is None else tuple(names),
        class_ids=None if folders is None else tuple(folders),
    )


def default_task(spec: ModelSpec, outputs: Mapping[str, Sequence[int]]) -> str:
    """What a model is for where the configuration does not say: one vector is taken for class scores, but
    for that of a CLIP tower, an embedding."""
    vector = len(outputs) == 1 and all(len(shape) == 1 for shape in outputs.values())
    return CLASSIFICATION if vector and spec.library != "open_clip" else OTHER


@torch.no_grad()
def outputs_of(model: nn.Module, feed: Feed) -> dict[str, tuple[int, ...]]:
    """The outputs by name, each with its shape without the batch, for a batch of one.

    Raises ZooError if the model does not take the feed's inputs, or those of its second shapes.
    """
    if (second := feed.second()) is not None:
        outputs_of(model, second)
    shapes = " and ".join(str([1, *shape]) for shape in feed.shapes)
    try:
        found = named_tensors(model(*(torch.zeros(1, *shape) for shape in feed.shapes)))
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError, AttributeError) as error:
        reason = " ".join(str(error).strip().splitlines()[-1:])[:200]
        raise ZooError(
            f"it does not take inputs of the shape {shapes} ({type(error).__name__}: {reason}); mend "
            "preprocess: size and channels, or declare its inputs"
        ) from error
    return {name: tuple(tensor.shape[1:]) for name, tensor in found}


def feed_of(spec: ModelSpec) -> Feed:
    """The inputs that the specification declares, or one image. ZooError for what makes no sense."""
    record = preprocess_record(spec)
    if not spec.inputs:
        _check_channels(spec, record)
        return Feed.image(record, second_size=spec.second_size)
    if spec.second_size is not None:
        raise ZooError("second_size is for a model of one image; give each of inputs its second_shape")
    usual = [len(record.mean), *record.size]
    inputs = []
    for place, entry in enumerate(spec.inputs):
        shape = usual if entry.get("values", IMAGE) == IMAGE else None
        inputs.append(Input.from_dict({"name": f"in{place}", "shape": shape} | entry))
    if len({each.name for each in inputs}) != len(inputs):
        raise ZooError(f"inputs must have different names, not {', '.join(each.name for each in inputs)}")
    return Feed(record, tuple(inputs))


def _check_channels(spec: ModelSpec, record: Preprocess) -> None:
    channels = spec.args.get("in_chans") if spec.library == "timm" else None
    if channels not in (None, len(record.mean)):
        raise ZooError(
            f"args in_chans is {channels}, and preprocessing gives {len(record.mean)} channels "
            f"({record.channels}); set preprocess: channels, mean and std, or give the inputs as .npz files "
            "(inputs: [{shape: …, values: file}])"
        )


def preprocess_record(spec: ModelSpec) -> Preprocess:
    """The library's record for the architecture and tag with the specification's overrides; ZooError for bad
    values."""
    record = Preprocess() if spec.library in FILES else library(spec).preprocess(spec)
    return Preprocess.from_dict({**record.to_dict(), **spec.preprocess})


def licence(spec: ModelSpec, start: WeightsSource | None = None) -> str:
    """The configuration's word, else the source's own: the library's record for its hub, the package's
    metadata, the data set's; "unknown" where the source says nothing, as for a local file or images.

    start: ask of these weights instead, which the configuration's word does not mean.
    """
    weights = start or spec.weights
    said = None if start else spec.licence
    if said is None and weights.kind == "hub" and weights.location is None:
        said = library(spec).licence(spec)
    elif said is None and weights.kind == "package":
        said = package_licence(find_package(str(weights.location)))
    elif said is None and weights.kind == "train" and is_packaged(weights):
        said = DATASETS[str(weights.location)].licence
    return said or "unknown"


def labels(spec: ModelSpec, classes: int | None) -> list[str] | None:
    """Class names in the order of the outputs: from the configured file, the images trained on, or the
    library's where there are as many. None if they are unknown or the weights random."""
    if spec.labels is not None:
        return _from_file(Path(spec.labels), classes)
    if spec.weights.kind == "train":
        names = training_classes(spec.weights)
        return names if len(names) == classes else None
    if spec.weights.random or spec.library not in ("timm", "torchvision") or classes != IMAGENET_CLASSES:
        return None
    names = library(spec).labels(spec)
    return names if names and len(names) == classes else None


def class_ids(spec: ModelSpec, classes: int | None) -> list[str] | None:
    """The names of class folders in the order of the outputs: of those trained on, or else ImageNet-1k's
    WordNet ids; None for a model of another number of classes."""
    if spec.weights.kind == "train":
        names = training_classes(spec.weights)
        return names if len(names) == classes else None
    if classes != IMAGENET_CLASSES:
        return None
    from timm.data import ImageNetInfo

    return list(ImageNetInfo().label_names())


def _from_file(path: Path, classes: int | None) -> list[str]:
    try:
        names = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(
            f"labels: {path} cannot be read ({error}); give a text file, one class name a line"
        ) from error
    if classes is not None and len(names) != classes:
        raise ZooError(f"labels: {path} has {len(names)} lines and the model {classes} classes")
    return [name.strip() for name in names]
