"""timm's architectures: looked up by name and built, with errors that say what is wrong with a name."""

import difflib
from pathlib import Path
from typing import Any

import timm
import timm.models
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import OTHER
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess, from_timm_config
from zoo.models.libraries import Tensors, Traits


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """timm's `exportable` switch is on: the same functions, in forms that can be traced. options: further
    arguments for timm.create_model."""
    arguments = dict(spec.args)
    if config(spec).get("fixed_input_size") and "size" in spec.preprocess:
        arguments.setdefault("img_size", tuple(spec.preprocess["size"]))
    model: nn.Module = timm.create_model(spec.architecture, exportable=True, **arguments, **options)
    return model


def config(spec: ModelSpec) -> dict[str, Any]:
    """timm's `pretrained_cfg` of the architecture and tag; empty if timm keeps none for the architecture.

    Raises ZooError, with close matches, for an unknown architecture or tag.
    """
    architecture, _, tag = spec.architecture.partition(".")
    if not timm.models.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=5)
        hint = f"; did you mean {' or '.join(close)}?" if close else "; timm.list_models() lists those it has"
        raise ZooError(f"timm has no model {architecture}{hint}")
    try:
        record = timm.models.get_pretrained_cfg(spec.architecture)
    except RuntimeError:
        raise ZooError(f"timm's {architecture} has no tag {tag}; it has: {tags(spec)}") from None
    return {} if record is None else dict(record.to_dict())


def tags(spec: ModelSpec) -> str:
    """The names, tags included, under which timm keeps pretrained weights of the architecture."""
    return ", ".join(timm.list_pretrained(f"{spec.architecture.partition('.')[0]}.*")) or "none"


def preprocess(spec: ModelSpec) -> Preprocess:
    return from_timm_config(config(spec))


def pretrained(spec: ModelSpec) -> WeightsSource:
    record = config(spec)
    if record.get("hf_hub_id"):
        return WeightsSource("hub", record["hf_hub_id"], record.get("hf_hub_filename"))
    if record.get("url"):
        return WeightsSource("url", record["url"])
    raise ZooError(
        f"timm names no weights for {spec.architecture} (it does for: {tags(spec)}); "
        "give a source (weights: {file: …}) or ask for weights: {random: 0}"
    )


def licence(spec: ModelSpec) -> str | None:
    return config(spec).get("license")


def labels(spec: ModelSpec) -> list[str]:
    """ImageNet-1k's, which most of timm's models know; of no use where the model has other classes."""
    from timm.data import ImageNetInfo

    return list(ImageNetInfo().label_descriptions())


def task(spec: ModelSpec) -> str | None:
    return OTHER if spec.args.get("num_classes") == 0 else None  # features, one vector of them


def channels(spec: ModelSpec) -> int | None:
    return spec.args.get("in_chans")


def own_part(tensors: Tensors) -> Tensors:
    return tensors


def loader_options(model: nn.Module, path: Path) -> dict[str, Any] | None:
    """timm's loader knows the original names of many families, and adapts weights to other input sizes."""
    overlay = {"file": str(path), "num_classes": model.num_classes}
    return {"pretrained": True, "pretrained_cfg_overlay": overlay}


def traits(spec: ModelSpec, record: Preprocess) -> Traits | None:
    return None
