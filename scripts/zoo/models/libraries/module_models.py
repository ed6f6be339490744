"""Models of the user's own code: `package.module:function`, importable or in the configuration's folder."""

import importlib
import sys
from pathlib import Path
from typing import Any

from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models.libraries import Tensors, Traits


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """What the function returns for the arguments. Code that fails is the user's: its error is passed on."""
    module_name, _, function_name = spec.architecture.partition(":")
    if not module_name or not function_name:
        raise ZooError(
            f"{spec.architecture!r} is no entry point: write module:function, such as my.nets:detector"
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ZooError(
            f"the module {module_name} cannot be imported ({error}); install it, or put it into {here}"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ZooError(f"{module_name} has no function {function_name}")
    model = function(**spec.args, **options)
    if not isinstance(model, nn.Module):
        raise ZooError(f"{spec.architecture} returned a {type(model).__name__}, not a torch.nn.Module")
    return model


def preprocess(spec: ModelSpec) -> Preprocess:
    return Preprocess()


def pretrained(spec: ModelSpec) -> WeightsSource:
    raise ZooError("nobody keeps weights of an entry point; give a source (weights: {file: …})")


def licence(spec: ModelSpec) -> str | None:
    return None


def labels(spec: ModelSpec) -> list[str] | None:
    return None


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
