"""timm's architectures: looked up by name and built, with errors that say what is wrong with a name."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import timm
import timm.models
import torch
from torch import nn

from zoo.errors import ZooError
from zoo.spec import ModelSpec

# timm's architectures check their arguments each in their own way.
_REFUSALS = (TypeError, ValueError, RuntimeError, KeyError, AssertionError, AttributeError, IndexError)


def create(spec: ModelSpec) -> nn.Module:
    """timm's model for the specification, in eval mode, with weights initialized from `spec.weights.seed`.

    Raises ZooError for an unknown architecture or tag, with close matches, or arguments that timm refuses.
    """
    with naming(spec):
        return build(spec, spec.weights.seed)


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """`create` with its seed and further arguments for timm.create_model; leaves torch's own seed alone.

    timm's `exportable` switch is on: the same functions, in forms that can be traced. Raises as `create`
    does, without naming the model.
    """
    arguments = dict(spec.args)
    if timm_config(spec).get("fixed_input_size") and "size" in spec.preprocess:
        arguments.setdefault("img_size", tuple(spec.preprocess["size"]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model: nn.Module = timm.create_model(spec.timm, exportable=True, **arguments, **options)
        except _REFUSALS as error:
            reason = " ".join(str(error).split())[:200]
            raise ZooError(f"timm cannot build {spec.timm} with args {spec.args}: {reason}") from error
    return model.eval()


def timm_config(spec: ModelSpec) -> dict[str, Any]:
    """timm's `pretrained_cfg` of the architecture and tag; empty if timm keeps none for the architecture.

    Raises ZooError, with close matches, for an unknown architecture or tag.
    """
    architecture, _, tag = spec.timm.partition(".")
    if not timm.models.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=5)
        hint = f"; did you mean {' or '.join(close)}?" if close else "; timm.list_models() lists those it has"
        raise ZooError(f"timm has no model {architecture}{hint}")
    try:
        config = timm.models.get_pretrained_cfg(spec.timm)
    except RuntimeError:
        raise ZooError(f"timm's {architecture} has no tag {tag}; it has: {tags(spec)}") from None
    return {} if config is None else dict(config.to_dict())


def tags(spec: ModelSpec) -> str:
    """The names, tags included, under which timm keeps pretrained weights of the architecture."""
    return ", ".join(timm.list_pretrained(f"{spec.timm.partition('.')[0]}.*")) or "none"


@contextmanager
def naming(spec: ModelSpec) -> Iterator[None]:
    """Put the model's name before the text of a ZooError."""
    try:
        yield
    except ZooError as error:
        raise ZooError(f"{spec.name}: {error}") from error
