"""The outputs of any torch model as a flat list of named tensors."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from zoo.errors import ZooError

_TINY = 1e-30  # an output of zeros has no largest number


def named_tensors(output: Any) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a model's output in its order, with names: those of dictionary entries and of fields of
    named tuples, else the place in the list; nested names are joined by dots. One tensor alone is `output`.

    Raises ZooError if there are none, or something that is neither a tensor, nor a container of them.
    """
    if isinstance(output, torch.Tensor):
        return [("output", output)]
    found = [(name or "output", tensor) for name, tensor in _walk("", output)]
    if not found:
        raise ZooError(f"its output holds no tensor: {type(output).__name__}")
    return found


def tensors_of(output: Any) -> list[torch.Tensor]:
    """The same without the names."""
    return [tensor for _, tensor in named_tensors(output)]


def _walk(name: str, output: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(output, torch.Tensor):
        yield name, output
        return
    if output is None:
        return
    if isinstance(output, Mapping):
        items = [(str(key), value) for key, value in output.items()]
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        items = list(zip(output._fields, output, strict=True))
    elif isinstance(output, list | tuple):
        items = [(f"out{place}" if not name else str(place), value) for place, value in enumerate(output)]
    else:
        raise ZooError(
            f"its output {name or 'as a whole'} is a {type(output).__name__}; let the model return tensors, "
            "or lists, tuples or dictionaries of them"
        )
    for key, value in items:
        yield from _walk(f"{name}.{key}" if name else key, value)


def largest_error(expected: Sequence[torch.Tensor], got: Sequence[torch.Tensor]) -> float:
    """The largest error relative to the output's largest number, of all outputs; NaN if there is one."""
    pairs = [(a.cpu(), b.cpu()) for a, b in zip(expected, got, strict=True)]
    errors = [(b - a).abs().max() / a.abs().max().clamp_min(_TINY) for a, b in pairs]
    return float(torch.stack([error.double() for error in errors]).max())


class Flattened(nn.Module):
    """A model as it can be traced: its outputs are a tuple of tensors, whatever containers they came in.

    It is in the mode that the model is in: torch's ONNX exporter gives all modules that of the outermost.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.flattened, self.training = model, model.training

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(tensors_of(self.flattened(*inputs)))


class FlattenedScript(torch.jit.ScriptModule):
    """The same of a scripted model, as code: what exporters know has no dictionaries. names: of its inputs.
    places: where the tensors are in its output `y`, as expressions."""

    def __init__(self, model: nn.Module, names: str, places: Sequence[str]) -> None:
        super().__init__()
        self.flattened = model
        outputs = "".join(f"{place}, " for place in places)
        self.define(f"def forward(self, {names}):\n    y = self.flattened({names})\n    return ({outputs})\n")


@torch.no_grad()
def traceable(model: nn.Module, example: tuple[torch.Tensor, ...]) -> nn.Module:
    """The model itself if it returns a tensor, or is scripted and returns a tuple of them; else `Flattened`,
    or `FlattenedScript`."""
    output = model(*example)
    if isinstance(output, torch.Tensor):
        return model
    if not isinstance(model, torch.jit.ScriptModule):
        return Flattened(model)
    if isinstance(output, tuple) and all(isinstance(each, torch.Tensor) for each in output):
        return model
    names = ", ".join(f"x{place}" for place in range(len(example)))
    return FlattenedScript(model, names, list(_places("y", output))).eval()


def _places(place: str, output: Any) -> Iterator[str]:
    """In the order of `named_tensors`."""
    if isinstance(output, Mapping):
        parts = [(f"{place}[{key!r}]", value) for key, value in output.items()]
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        parts = [(f"{place}.{field}", getattr(output, field)) for field in output._fields]
    elif isinstance(output, list | tuple):
        parts = [(f"{place}[{index}]", value) for index, value in enumerate(output)]
    else:
        parts = []
        if isinstance(output, torch.Tensor):
            yield place
    for inner, value in parts:
        yield from _places(inner, value)


@contextmanager
def without_fast_path() -> Iterator[None]:
    """Let `nn.MultiheadAttention` and `nn.TransformerEncoderLayer` compute by the operators that they are
    made of: outside of training torch takes one fused operator, which is neither exported nor counted."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def zeros(shapes: Sequence[Sequence[int]], device: str = "cpu") -> tuple[torch.Tensor, ...]:
    """Zeros of these shapes, with a batch of one: examples to trace with."""
    return tuple(torch.zeros(1, *shape, device=device) for shape in shapes)
