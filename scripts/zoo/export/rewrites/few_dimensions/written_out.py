"""Operators that ncnn does not have, or has otherwise, in those that it has."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch

from zoo.export.rewrites.few_dimensions.view import MOST, shape_of

MOST_PARTS = 64
"""Of which a concatenation is made."""


def spread(
    name: str,
    input: torch.Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    correction: float | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor | None:
    """What `torch.var` or `torch.std` gives, by name; None where it is of all numbers."""
    if dim is None or isinstance(dim, bool) or out is not None:
        return None
    dims = [dim] if isinstance(dim, int) else list(dim)
    count = math.prod(shape_of(input)[each] for each in dims)
    correction = float(unbiased) if correction is None else correction
    apart = input - input.mean(dims, keepdim=True)
    squared = (apart * apart).sum(dims, keepdim=keepdim) / (count - correction)
    return squared.sqrt() if name == "std" else squared


def wrapped(tensor: torch.Tensor, pad: Sequence[int]) -> torch.Tensor:
    """What `torch.nn.functional.pad` gives with the mode "circular" and no negative sides."""
    for place in range(len(pad) // 2):
        dim, before, behind = tensor.dim() - 1 - place, int(pad[2 * place]), int(pad[2 * place + 1])
        size, start = int(tensor.shape[dim]), [slice(None)] * dim
        parts = [tensor[(*start, slice(size - before, size))]] if before else []
        parts += [tensor, *([tensor[(*start, slice(0, behind))]] if behind else [])]
        tensor = torch.cat(parts, dim) if len(parts) > 1 else tensor
    return tensor


def has_list(index: Any) -> bool:
    """Whether an index has a list of places."""
    return any(isinstance(each, list) for each in (index if isinstance(index, tuple) else (index,)))


def picked(tensor: torch.Tensor, index: Any) -> torch.Tensor | None:
    """What an index gives that has a list of places for one dimension and nothing for the others, as slices
    behind one another; None for others."""
    listed = index if isinstance(index, tuple) else (index,)
    lists = [place for place, each in enumerate(listed) if isinstance(each, list)]
    if len(lists) != 1 or tensor.dim() > MOST or len(listed) > tensor.dim():
        return None
    (dim,) = lists
    rest = [each for place, each in enumerate(listed) if place != dim]
    if any(not isinstance(each, slice) or each != slice(None) for each in rest):
        return None
    if not listed[dim] or not all(type(each) is int for each in listed[dim]):
        return None
    places = [each % int(tensor.shape[dim]) for each in listed[dim]]
    runs = [
        [each for _, each in run] for _, run in groupby(enumerate(places), lambda pair: pair[1] - pair[0])
    ]
    if len(runs) > MOST_PARTS:
        return None
    parts = [tensor[(*[slice(None)] * dim, slice(run[0], run[-1] + 1))] for run in runs]
    return torch.cat(parts, dim)
