"""What exports have in common: inputs to trace and to try, and the comparison with the model itself."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.jit._trace import TracerWarning

from zoo.errors import ZooError
from zoo.export.rewrites import model_name
from zoo.runners.torch_outputs import largest_error, tensors_of, without_fast_path

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


def check_answers(
    model: nn.Module, kind: str, run: Callable[[Tensors], Sequence[torch.Tensor]], example: Tensors
) -> None:
    """Raises ZooError, with what is to be learned of the reason, unless `run` answers as the model does, on
    another input than `example`. kind: of the file that it runs."""
    probe = probe_of(example)
    expected = tensors_of(model(*probe))
    error = largest_error(expected, run(probe))
    if not error <= TOLERANCE:  # a NaN fails as well
        raise ZooError(
            f"{model_name(model)}: its {kind} is off by {error:.1e} of the largest output on a random input: "
            + _reason(model, run, example, expected)
        )


def _reason(
    model: nn.Module,
    run: Callable[[Tensors], Sequence[torch.Tensor]],
    example: Tensors,
    expected: Sequence[torch.Tensor],
) -> str:
    probe = probe_of(example)
    if not all(each.isfinite().all() for each in expected):
        return "the model's own answer to it is NaN or infinity; check its weights, or its preprocessing"
    if not largest_error(expected, tensors_of(model(*probe))) <= TOLERANCE:
        return (
            "the model itself answers differently each time; take the random numbers or the state out of it"
        )
    if not largest_error(tensors_of(model(*example)), run(example)) <= TOLERANCE:
        return (
            "so it is on the traced one, so an operator of it is exported as another; find the layer by "
            "exporting parts of the model"
        )
    places = branches_in(model, example)
    where = f" ({'; '.join(places)})" if places else ""
    return (
        f"it is right on the traced one, so the model branches on the content of its input{where}; write "
        "both sides and choose by torch.where"
    )


def branches_in(model: nn.Module, example: Tensors) -> list[str]:
    """Where the model's own code makes Python values of tensors, as torch's tracer warns; three at most."""
    if isinstance(model, torch.jit.ScriptModule):
        return []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.jit.trace(model, example, check_trace=False)  # type: ignore[no-untyped-call]
    places = [
        f"{Path(each.filename).name}:{each.lineno}"
        for each in caught
        if issubclass(each.category, TracerWarning) and "might cause the trace to be" in str(each.message)
    ]
    return list(dict.fromkeys(places))[:3]


@contextmanager
def exporting() -> Iterator[None]:
    """Without the warnings and graphs that an export prints, and with attention in its parts."""
    asked = torch._C._jit_is_onnx_log_enabled
    enabled = asked()
    # torch takes the function for its answer, and would print the whole graph where an export fails; it also
    # leaves the log on after any export that ran outside of here
    torch._C._jit_is_onnx_log_enabled = False  # type: ignore[assignment]
    torch._C._jit_set_onnx_log_enabled(False)
    try:
        with warnings.catch_warnings(), without_fast_path():
            for message, category in EXPECTED_WARNINGS:
                warnings.filterwarnings("ignore", message, category)
            yield
    finally:
        torch._C._jit_is_onnx_log_enabled = asked
        torch._C._jit_set_onnx_log_enabled(enabled)
