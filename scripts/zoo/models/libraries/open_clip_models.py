"""The image towers of open_clip's models: an image in, its embedding out. `convnext_base_w.laion2b_s13b_b82k`
is open_clip's name of the architecture and of its weights."""

import difflib
from pathlib import Path
from typing import Any

import open_clip
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import OTHER
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models.libraries import Tensors, Traits

TOWER = "visual."
"""What the names of the image tower's tensors start with, in the weights of the whole model."""

_CROP_MODES = {"shortest": "center", "longest": "border", "squash": "squash"}


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """args: for open_clip.create_model; vision_cfg, for one, takes the place of the architecture's own."""
    name = _name(spec)
    arguments = dict(spec.args)
    if "size" in spec.preprocess:
        arguments.setdefault("force_image_size", tuple(spec.preprocess["size"]))
    model: Any = open_clip.create_model(
        name, load_weights=False, pretrained_text=False, **arguments, **options
    )
    tower: nn.Module = model.visual
    return tower


def preprocess(spec: ModelSpec) -> Preprocess:
    record = _pretrained(spec)
    size = open_clip.get_model_config(_name(spec))["vision_cfg"].get("image_size", 224)
    size = spec.args.get("vision_cfg", {}).get("image_size", size)
    return Preprocess(
        size=(size, size) if isinstance(size, int) else tuple(size),
        crop_pct=1.0,
        crop_mode=_CROP_MODES[record.get("resize_mode") or "shortest"],
        interpolation=record.get("interpolation") or "bicubic",
        mean=tuple(record.get("mean") or open_clip.OPENAI_DATASET_MEAN),
        std=tuple(record.get("std") or open_clip.OPENAI_DATASET_STD),
    )


def pretrained(spec: ModelSpec) -> WeightsSource:
    record, name = _pretrained(spec), _name(spec)
    if record.get("hf_hub"):
        owner, repository, *file = record["hf_hub"].split("/", 2)
        return WeightsSource("hub", f"{owner}/{repository}", (file and file[0]) or None)
    if record.get("url"):
        return WeightsSource("url", record["url"])
    raise ZooError(
        f"open_clip's weights are named by a tag: open_clip: {name}.TAG, with one of {_tags(name)}; or give "
        "a source (weights: {file: …})"
    )


def licence(spec: ModelSpec) -> str | None:
    return None  # open_clip does not say


def labels(spec: ModelSpec) -> list[str] | None:
    return None  # an embedding has no classes


def task(spec: ModelSpec) -> str | None:
    return OTHER  # one vector, but no class scores


def channels(spec: ModelSpec) -> int | None:
    return None


def own_part(tensors: Tensors) -> Tensors:
    """Of the weights of a whole CLIP model, those of its image tower."""
    tower = {name[len(TOWER) :]: tensor for name, tensor in tensors.items() if name.startswith(TOWER)}
    return tower or tensors


def loader_options(model: nn.Module, path: Path) -> dict[str, Any] | None:
    return None


def traits(spec: ModelSpec, record: Preprocess) -> Traits | None:
    return None


def _name(spec: ModelSpec) -> str:
    name = spec.architecture.partition(".")[0]
    if open_clip.get_model_config(name) is None:
        close = difflib.get_close_matches(name, open_clip.list_models(), n=5)
        hint = f"; did you mean {' or '.join(close)}?" if close else "; open_clip.list_models() lists them"
        raise ZooError(f"open_clip has no model {name}{hint}")
    return name


def _pretrained(spec: ModelSpec) -> dict[str, Any]:
    """open_clip's record of the tag's weights; empty without a tag."""
    name, tag = _name(spec), spec.architecture.partition(".")[2]
    record = dict(open_clip.get_pretrained_cfg(name, tag)) if tag else {}
    if tag and not record:
        raise ZooError(f"open_clip's {name} has no weights {tag}; it has: {_tags(name)}")
    return record


def _tags(name: str) -> str:
    return ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
