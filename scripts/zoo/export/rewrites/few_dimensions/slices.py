"""`torch.roll` as slices and a concatenation, a slice with a step as one of groups."""

import math
from collections.abc import Mapping
from typing import Any

import torch

from zoo.export.rewrites.few_dimensions.view import MOST, shape_of


def rolled(tensor: torch.Tensor, shifts: Any, dims: Any = None) -> torch.Tensor:
    """What `torch.roll` gives."""
    if dims is None or dims == ():
        return rolled(tensor.flatten(), shifts, 0).reshape(tensor.shape)
    pairs = zip(
        *(each if isinstance(each, tuple | list) else (each,) for each in (shifts, dims)), strict=True
    )
    for shift, dim in pairs:
        size = int(tensor.shape[dim])
        if first := int(shift) % size:
            start, end = torch.split(tensor, [size - first, first], dim)
            tensor = torch.cat([end, start], dim)
    return tensor


def steps_of(index: Any, tensor: torch.Tensor) -> dict[int, tuple[int, int]]:
    """Of an index that takes every so many from some dimensions, and all of the others: the first and the
    step of each such dimension; empty for other indices."""
    index = index if isinstance(index, tuple) else (index,)
    if tensor.dim() > MOST:
        return {}
    if not all(isinstance(each, slice) or each is Ellipsis for each in index):
        return {}
    if Ellipsis in index:
        place = index.index(Ellipsis)
        index = index[:place] + (slice(None),) * (tensor.dim() - len(index) + 1) + index[place + 1 :]
    found = {}
    for dim, each in enumerate(index):
        start, stop, step = each.indices(int(tensor.shape[dim]))
        if step > 1 and start < step and stop == tensor.shape[dim] > start:
            found[dim] = start, step
        elif each != slice(None):
            return {}
    return found


def strided(tensor: torch.Tensor, steps: Mapping[int, tuple[int, int]]) -> torch.Tensor:
    for dim, (start, step) in steps.items():
        tensor = every(tensor, dim, start, step)
    return tensor


def every(tensor: torch.Tensor, dim: int, start: int, step: int) -> torch.Tensor:
    """Every `step`-th of a dimension from `start` on, as the first of groups: ncnn cuts without steps."""
    shape = shape_of(tensor)
    before, size, behind = math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])
    groups = -(-(size - start) // step)
    if (missing := groups * step - size) > 0:  # what is put there is never taken
        tensor = torch.cat([tensor, first(tensor, dim, missing)], dim)
    elif missing < 0:
        tensor = first(tensor, dim, groups * step)
    whole = tensor.reshape(before, groups, step, behind)
    return whole[:, :, start : start + 1].reshape(*shape[:dim], groups, *shape[dim + 1 :])


def first(tensor: torch.Tensor, dim: int, size: int) -> torch.Tensor:
    return tensor[(*[slice(None)] * dim, slice(size))]  # pnnx does not know `narrow`
