"""What exports have in common: inputs to trace and to try, and the comparison with the model itself."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.jit._trace import TracerWarning

from zoo.errors import ZooError
from zoo.export.rewrites import model_name
from zoo.runners.torch_outputs import largest_error, tensors_of

Tensors = tuple[torch.Tensor, ...]


TOLERANCE = 1e-4
"""Largest allowed error of an exported model, relative to the largest output: float32 in another order."""


EXPECTED_WARNINGS: tuple[tuple[str, type[Warning]], ...] = (
    (r"`torch\.jit\.", FutureWarning),  # still the way into pnnx
    (r"You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    (r"The feature will be removed", DeprecationWarning),
    (r"Constant folding - Only steps=1", UserWarning),  # onnxsim folds what the exporter does not
    # Python values in the trace are right for one input size; that the input's content decides nothing
    # is checked by running the exported model on another input
    (r"", TracerWarning),
)


def as_tuple(example: torch.Tensor | Tensors) -> Tensors:
    return (example,) if isinstance(example, torch.Tensor) else example


def probe_of(example: Tensors) -> Tensors:
    """Seeded random inputs that are not `example`."""
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(each.shape, generator=generator).to(each) for each in example)


def another_shape(kind: str, probe: Tensors, error: Exception) -> ZooError:
    reason = str(error).strip().splitlines()[-1][:200]
    shapes = " and ".join(str(list(each.shape)) for each in probe)
    return ZooError(
        f"the {kind} does not take inputs of the shape {shapes} ({reason}); its shape cannot be dynamic"
    )


def check_outputs(model: nn.Module, kind: str, expected: Any, got: Any) -> None:
    error = largest_error(tensors_of(expected), tensors_of(got))
    if not error <= TOLERANCE:  # a NaN fails as well
        raise ZooError(
            f"{model_name(model)}: its {kind} is off by {error:.1e} of the largest output on another input "
            "than the traced one; does the model branch on the content of its input?"
        )


@contextmanager
def without_expected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for message, category in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        yield
