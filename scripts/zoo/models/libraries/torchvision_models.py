"""torchvision's architectures. `resnet50.IMAGENET1K_V2` names weights; without a tag they are the default."""

import difflib
import inspect
from pathlib import Path
from typing import Any

from torch import nn
from torchvision import models

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models.libraries import Tensors, Traits


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    name = _name(spec)
    arguments = dict(spec.args)
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        arguments.setdefault("weights_backbone", None)  # else it would be downloaded
    model: nn.Module = models.get_model(name, weights=None, **arguments, **options)
    return model


def preprocess(spec: ModelSpec) -> Preprocess:
    """The transform of the weights, where it is a resize of the short edge and a crop, else the defaults."""
    weights = _weights(spec)
    transform: Any = weights.transforms() if weights is not None else None
    if not hasattr(transform, "crop_size"):
        return Preprocess()
    (crop,), (resize,) = transform.crop_size, transform.resize_size
    return Preprocess(
        size=(crop, crop),
        crop_pct=crop / (resize + 1e-6) if crop != resize else 1.0,  # so that it is rounded down to `resize`
        interpolation=transform.interpolation.value,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
    )


def pretrained(spec: ModelSpec) -> WeightsSource:
    weights = _weights(spec)
    if weights is None:
        raise ZooError(
            f"torchvision has no weights for {_name(spec)}; give a source (weights: {{file: …}}) or ask for "
            "weights: {random: 0}"
        )
    return WeightsSource("url", weights.url)


def licence(spec: ModelSpec) -> str | None:
    return None  # torchvision leaves it to the data that the weights were trained on


def labels(spec: ModelSpec) -> list[str] | None:
    weights = _weights(spec)
    return None if weights is None else list(weights.meta.get("categories") or ()) or None


def task(spec: ModelSpec) -> str | None:
    return None


def channels(spec: ModelSpec) -> int | None:
    return None


def own_part(tensors: Tensors) -> Tensors:
    return tensors


def loader_options(model: nn.Module, path: Path) -> dict[str, Any] | None:
    return None


def traits(spec: ModelSpec, record: Preprocess) -> Traits | None:
    return None


def _name(spec: ModelSpec) -> str:
    name = spec.architecture.partition(".")[0]
    if name not in models.list_models():
        close = difflib.get_close_matches(name, models.list_models(), n=5)
        hint = (
            f"; did you mean {' or '.join(close)}?"
            if close
            else "; torchvision.models.list_models() lists them"
        )
        raise ZooError(f"torchvision has no model {name}{hint}")
    return name


def _weights(spec: ModelSpec) -> Any:
    """The member of the architecture's weights enumeration; None if torchvision has no weights for it."""
    enumeration = models.get_model_weights(_name(spec))
    tag = spec.architecture.partition(".")[2]
    if not tag:
        return getattr(enumeration, "DEFAULT", None)
    if tag not in enumeration.__members__:
        raise ZooError(
            f"torchvision's {_name(spec)} has no weights {tag}; it has: "
            f"{', '.join(enumeration.__members__) or 'none'}"
        )
    return enumeration[tag]
