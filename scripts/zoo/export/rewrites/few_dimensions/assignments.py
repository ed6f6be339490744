"""What is written into a tensor, as a new tensor that takes its place."""

from collections.abc import Sequence
from typing import Any

import torch

from zoo.export.rewrites.few_dimensions.parts import whole
from zoo.export.rewrites.few_dimensions.view import MOST, shape_of

IN_PLACE = {
    form.format(name): name for name in ("add", "sub", "mul", "div") for form in ("{}_", "__i{}__")
} | {"__itruediv__": "div"}
"""Operators that write their result into their first tensor, and those that do not."""


class Replaced:
    """Tensors that were written to, and what they hold now."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def put(self, tensor: torch.Tensor, now: torch.Tensor) -> None:
        self._by_id[id(tensor)] = tensor, now

    def now(self, given: Any) -> Any:
        """Arguments of an operator with what they hold now."""
        if isinstance(given, list | tuple) and type(given) in (list, tuple):
            return type(given)(map(self.now, given))
        while isinstance(given, torch.Tensor) and id(given) in self._by_id:
            given = self._by_id[id(given)][1]
        return given

    def __bool__(self) -> bool:
        return bool(self._by_id)


def assigned(tensor: torch.Tensor, index: Any, value: Any) -> torch.Tensor | None:
    """What a tensor holds after an assignment to ranges of some dimensions, as slices and concatenations;
    None for other indices."""
    listed = whole(index, tensor.dim())
    if not listed or tensor.dim() > MOST or not all(isinstance(each, slice) for each in listed):
        return None
    ranges = [each.indices(size) for each, size in zip(listed, shape_of(tensor), strict=True)]
    if any(step != 1 or stop <= start for start, stop, step in ranges):
        return None
    shape = [stop - start for start, stop, _ in ranges]
    if not isinstance(value, torch.Tensor) or list(shape_of(value)) != shape:
        return None
    return _put(tensor, [(start, stop) for start, stop, _ in ranges], value, 0)


def _put(
    tensor: torch.Tensor, ranges: Sequence[tuple[int, int]], value: torch.Tensor, dim: int
) -> torch.Tensor:
    if dim == len(ranges):
        return value
    start, stop = ranges[dim]
    before, inside, behind = (
        tensor[(*[slice(None)] * dim, slice(*limits))]
        for limits in ((None, start), (start, stop), (stop, None))
    )
    parts = [before, _put(inside, ranges, value, dim + 1), behind]
    parts = [each for each in parts if each.shape[dim]]
    return torch.cat(parts, dim) if len(parts) > 1 else parts[0]
