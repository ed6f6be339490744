"""Fetching a model's weights from the source that its specification names, and checking that they fit."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.models import checkpoint, hub
from zoo.models.architecture import build, naming
from zoo.models.libraries import Tensors, library
from zoo.models.state_dict import differences, in_order, listed, other_classes, without_prefix

Source = dict[str, Any]
"""Where weights came from, as plain values: kind, location, and what identifies the file."""

_HUB_NAMES = (  # in timm's order, then open_clip's
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)


def fetch(spec: ModelSpec) -> tuple[nn.Module, Source]:
    """The model with the weights that `spec.weights` names, in eval mode on the CPU, and their origin.

    Weights that are trained come from `zoo.training.train.train` instead.

    Raises ZooError naming the model if its source cannot be had or does not fit the architecture.
    """
    with naming(spec):
        return _fetch(spec)


def fetch_start(spec: ModelSpec, start: WeightsSource) -> tuple[nn.Module, Source]:
    """The model with the weights that `start` names, to be fine-tuned, in eval mode, and their origin.

    The weights may have another number of classes: the tensors that differ for that reason alone keep the
    initialization from `spec.weights.seed`, and the origin lists them as `fresh`.

    Raises ZooError without naming the model as `fetch` does, and if anything else does not fit.
    """
    args = {key: value for key, value in spec.args.items() if key != spec.kind.classes_argument}
    model, source = _fetch(replace(spec, args=args, weights=start), any_classes=True)
    target = build(spec, spec.weights.seed)
    tensors, wanted = model.state_dict(), target.state_dict()
    fresh = [
        name for name, tensor in wanted.items() if name not in tensors or tensors[name].shape != tensor.shape
    ]
    if fresh and other_classes(target, tensors) is None:
        raise ZooError(f"the weights that training starts from lack {listed('tensors', fresh)}")
    target.load_state_dict({name: tensors[name] for name in wanted if name not in fresh}, strict=False)
    return target, source | {"fresh": fresh}


def _fetch(spec: ModelSpec, any_classes: bool = False) -> tuple[nn.Module, Source]:
    weights = spec.weights
    if weights.kind == "random":
        return build(spec, weights.seed), {"kind": "random", "location": None, "seed": weights.seed}
    if weights.kind == "own":
        return build(spec, 0), {"kind": "entry point", "location": spec.architecture}
    if weights.kind == "train":
        raise ZooError(f"its weights are trained on {weights.location}, not fetched")
    with _weight_file(_located(spec)) as (path, origin):
        return _from_file(spec, path, origin, any_classes)


def _located(spec: ModelSpec) -> WeightsSource:
    """The source of the weights, for those of an architecture's tag as the library knows it."""
    weights = spec.weights
    if weights.kind != "hub" or weights.location is not None:
        return weights
    pretrained = library(spec).pretrained(spec)
    return replace(pretrained, file=weights.file or pretrained.file)


@contextmanager
def _weight_file(weights: WeightsSource) -> Iterator[tuple[Path, Source]]:
    """The file of the weights, which lies there until the block ends, and its origin."""
    location = str(weights.location)
    match weights.kind:
        case "url":
            with tempfile.TemporaryDirectory() as folder:
                yield hub.download_url(location, Path(folder)), {"kind": "url", "location": location}
        case "package":
            package = checkpoint.find_package(location)
            path = checkpoint.package_file(package, weights.file)
            origin = {"kind": "package", "location": package.name, "version": package.version}
            yield path, origin | {"file": path.name}
        case "file":
            yield Path(location), {"kind": "file", "location": weights.location}
        case _:
            repository, _, revision = location.partition("@")
            names = (weights.file,) if weights.file else _HUB_NAMES
            file = hub.download(repository, names, revision or None)
            origin = {"kind": "hub", "location": repository, "revision": file.revision}
            yield file.path, origin | {"file": file.name}


def _from_file(spec: ModelSpec, path: Path, origin: Source, any_classes: bool) -> tuple[nn.Module, Source]:
    digest = checkpoint.check_sha256(path, spec.weights.sha256)  # before anything of the file is believed
    tensors = library(spec).own_part(checkpoint.read(path))
    check_finite(path, tensors)
    model = build(spec, spec.weights.seed)
    tensors, prefix = _own_names(path, model, tensors)
    if any_classes and (classes := other_classes(model, tensors)):
        spec = replace(spec, args=spec.args | {"num_classes": classes})
        model = build(spec, spec.weights.seed)
    matched = _fill(spec, model, tensors, path)
    matched += f", without the prefix {prefix}" if prefix else ""
    return model, {**origin, "sha256": digest, "matched": matched}


def _own_names(path: Path, model: nn.Module, tensors: Tensors) -> tuple[Tensors, str]:
    """As `without_prefix`, with a line in the log."""
    own, prefix = without_prefix(model, tensors)
    if prefix:
        others = len(tensors) - len(own)
        more = f"; {others} tensors without it are left out" if others else ""
        logging.info("%s: the model's weights are those under the prefix %s%s", path.name, prefix, more)
    return own, prefix


def check_finite(path: Path, tensors: Tensors) -> None:
    """Raises ZooError, naming the tensors, if some of a file's hold NaN or infinity."""
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ZooError(f"{path.name} holds NaN or infinity: {listed('tensors', broken)}; get another file")


def _fill(spec: ModelSpec, model: nn.Module, tensors: Tensors, path: Path) -> str:
    """Load a file's tensors into the model; returns how they were matched."""
    misfits = differences(model, tensors)
    if not misfits:
        model.load_state_dict(tensors)
        return "by name"
    if (converted := _converted(spec, model, path)) is not None:
        model.load_state_dict(converted)
        return f"by {spec.library}'s converter"
    refusal = f"{path.name} does not fit {spec.title}"
    if spec.weights.keys == "name":
        raise ZooError(f"{refusal}: {misfits}")
    try:
        model.load_state_dict(in_order(model, tensors))
    except ZooError as error:
        raise ZooError(f"{refusal}, neither by name nor in order: {error}") from error
    return "in order"


def _converted(spec: ModelSpec, model: nn.Module, path: Path) -> Tensors | None:
    """What the library's own loader makes of a file; None if it has none or fails.

    Some families load leniently, so it is asked twice, from two initializations: a matrix that differs
    between the two was not in the file.
    """
    options = library(spec).loader_options(model, path)
    if options is None:
        return None
    try:
        first, second = (build(spec, seed, **options).state_dict() for seed in (0, 1))
    except ZooError:
        return None
    return first if all(torch.equal(first[name], second[name]) for name in first) else None
