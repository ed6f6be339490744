"""The families of the libraries, each with its smallest entry point: what a sweep is of.

A family of timm and torchvision is a module of the library, one of open_clip the class of an image tower or,
where timm builds the tower, timm's module. The list is kept in a file, so that a sweep's rows are counted
against what was said before.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from zoo.errors import ZooError
from zoo.sweep.listed import Family

_FILLING = ("uniform_", "normal_", "erfinv_", "mul_", "add_", "clamp_", "trunc_normal_")


def found(names: Callable[[str], bool] = lambda name: True) -> Iterator[Family]:
    """The families of the installed libraries, found by building every entry point without memory.

    names: which families are looked at, by `library/family`.
    """
    for library, entries in (("timm", _timm()), ("torchvision", _torchvision()), ("open_clip", _open_clip())):
        for name, members in sorted(entries.items()):
            if names(f"{library}/{name}"):
                sizes = {entry: _parameters(build) for entry, build in members.items()}
                known = {entry: size for entry, size in sizes.items() if size is not None}
                if not known:
                    raise ZooError(f"{library} builds none of {', '.join(members)}")
                entry = min(known, key=lambda entry: (known[entry], entry))
                yield Family(library, name, entry, known[entry])


Builders = dict[str, dict[str, Callable[[], nn.Module]]]
"""By family and entry point."""


def _timm() -> Builders:
    import timm

    families: Builders = {}
    for name in timm.list_models():
        module = timm.models.model_entrypoint(name).__module__.rpartition(".")[2]
        families.setdefault(module, {})[name] = partial(timm.create_model, name)
    return families


def _torchvision() -> Builders:
    from torchvision import models

    families: Builders = {}
    for name in models.list_models(module=models):
        module = models.get_model_builder(name).__module__.rpartition(".")[2]
        options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        families.setdefault(module, {})[name] = partial(models.get_model, name, weights=None, **options)
    return families


def _open_clip() -> Builders:
    import open_clip

    families: Builders = {}
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name)
        families.setdefault(_tower(config), {})[name] = partial(_image_tower, config)
    return families


def _tower(config: dict[str, Any]) -> str:
    """The family of an image tower."""
    import timm

    vision = config["vision_cfg"]
    if "timm_model_name" in vision:
        name = vision["timm_model_name"].partition(".")[0]
        return f"timm_{timm.models.model_entrypoint(name).__module__.rpartition('.')[2]}"
    if isinstance(vision["layers"], list):
        return "modified_resnet"
    return "coca" if vision.get("attentional_pool") else "vision_transformer"


def _image_tower(config: dict[str, Any]) -> nn.Module:
    from open_clip.model import _build_vision_tower

    vision = {key: value for key, value in config["vision_cfg"].items() if key != "timm_model_pretrained"}
    tower: nn.Module = _build_vision_tower(config["embed_dim"], vision, config.get("quick_gelu", False))
    return tower


def _parameters(build: Callable[[], nn.Module]) -> int | None:
    """How many a module has; None where the library does not build it, as where an optional package lacks."""
    for device in ("meta", "cpu"):  # some compute with numbers while they are built
        try:
            with torch.device(device), _without_filling():
                return sum(parameter.numel() for parameter in build().parameters())
        except Exception:  # whatever a library raises; such an entry point is not the smallest
            logging.debug("not built on %s", device, exc_info=True)
    return None


@contextmanager
def _without_filling() -> Iterator[None]:
    """Tensors are not filled: without memory it does nothing, and takes most of the time."""
    with ExitStack() as stack:
        for name in _FILLING:
            if hasattr(torch.Tensor, name):
                stack.enter_context(patch.object(torch.Tensor, name, lambda tensor, *_, **__: tensor))
        for name in (name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")):
            stack.enter_context(patch.object(nn.init, name, lambda tensor, *_, **__: tensor))
        yield
