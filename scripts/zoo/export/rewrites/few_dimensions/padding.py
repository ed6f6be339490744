"""Padding by less than nothing, which cuts: as slices. ncnn's layer only adds, and crashes or reads what lies
elsewhere."""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from zoo.export.rewrites.few_dimensions.view import MOST
from zoo.export.rewrites.few_dimensions.written_out import wrapped

LOWEST = -1e38
"""In the place of minus infinity, which ncnn's reader does not know, below a largest value."""


def cut(
    tensor: torch.Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> torch.Tensor | None:
    """What `torch.nn.functional.pad` gives; None where ncnn has it."""
    sides = [int(each) for each in pad]
    if mode == "circular" and tensor.dim() <= MOST and min(sides) >= 0:
        return wrapped(tensor, sides)
    if value == -math.inf and mode == "constant" and tensor.dim() <= MOST and min(sides) >= 0:
        return functional.pad(tensor, sides, mode, LOWEST)
    if min(sides, default=0) >= 0 or tensor.dim() > MOST or mode != "constant":
        return None
    more = [max(0, side) for side in sides]
    if any(more):  # first: onnxruntime makes a padding right before a pooling a part of it, and refuses that
        tensor = functional.pad(tensor, more, mode, value)
    for place in range(len(sides) // 2):
        dim = tensor.dim() - 1 - place
        before, behind = (max(0, -side) for side in sides[2 * place : 2 * place + 2])
        if before or behind:
            index = [slice(None)] * dim + [slice(before, int(tensor.shape[dim]) - behind)]
            tensor = tensor[tuple(index)]
    return tensor
