"""Models built from their specification."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.models.libraries import library

# Architectures check their arguments each in their own way.
_REFUSALS = (TypeError, ValueError, RuntimeError, KeyError, AssertionError, AttributeError, IndexError)


def create(spec: ModelSpec) -> nn.Module:
    """The model of the specification, in eval mode, with weights initialized from `spec.weights.seed`.

    Raises ZooError for an unknown architecture or tag, with close matches, or arguments that are refused.
    """
    with naming(spec):
        return build(spec, spec.weights.seed)


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """`create` with its seed and further arguments for what builds it; leaves torch's own seed alone.

    Raises as `create` does, without naming the model.
    """
    origin = library(spec)
    origin.preprocess(spec)  # refuses what the library does not have, in a sentence of its own
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model = origin.build(spec, seed, **options)
        except _REFUSALS as error:
            reason = " ".join(str(error).split())[:200]
            builder = spec.library if spec.kind.names_models else "its function"
            raise ZooError(
                f"{builder} cannot build {spec.architecture} with args {spec.args}: {reason}"
            ) from error
    return model.eval()


@contextmanager
def naming(spec: ModelSpec) -> Iterator[None]:
    """Put the model's name before the text of a ZooError."""
    try:
        yield
    except ZooError as error:
        raise ZooError(f"{spec.name}: {error}") from error
