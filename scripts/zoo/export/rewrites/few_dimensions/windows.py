"""Overlapping windows, and pooling in uneven ones: in operators that ONNX and ncnn have."""

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from zoo.array_types import Doubles
from zoo.export.rewrites.few_dimensions.view import View, Views, shape_of

Size = int | tuple[int, ...]


def windows(views: Views, tensor: torch.Tensor, dimension: int, size: int, step: int) -> torch.Tensor:
    """What `Tensor.unfold` gives: windows of a dimension, and a last dimension for what each holds; as slices
    behind one another."""
    shape = shape_of(tensor)
    view = views.of(tensor) or View(tensor, shape, tuple(range(len(shape))), False)
    return views.placed(view.windows(dimension % len(shape), size, step))


def folded(
    tensor: torch.Tensor,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> torch.Tensor:
    """What `torch.nn.functional.fold` gives of (1, C * kernel, windows): a transposed convolution of each
    channel, whose weights are ones and zeros. ONNX has none before opset 18."""
    kernel, apart, around, step = map(_pair, (kernel_size, dilation, padding, stride))
    reach = [spread * (side - 1) + 1 for spread, side in zip(apart, kernel, strict=True)]
    space = [
        side + 2 * pad - whole for side, pad, whole in zip(_pair(output_size), around, reach, strict=True)
    ]
    counts = [left // each + 1 for left, each in zip(space, step, strict=True)]
    places = math.prod(kernel)
    channels = int(tensor.shape[-2]) // places
    weight = _constant(np.tile(np.eye(places).reshape(places, 1, *kernel), (channels, 1, 1, 1)), tensor)
    return functional.conv_transpose2d(
        tensor.reshape(-1, channels * places, *counts),
        weight,
        None,
        step,
        around,
        [left % each for left, each in zip(space, step, strict=True)],
        channels,
        apart,
    )


def pooled(tensor: torch.Tensor, output_size: Any) -> torch.Tensor | None:
    """What `adaptive_avg_pool2d` gives in windows of different sizes, as products with two matrices; None
    where all windows are of one size, which ONNX has."""
    given = shape_of(tensor)[-2:]
    wanted = [own if size is None else size for own, size in zip(given, _pair(output_size), strict=True)]
    if not any(own % size for own, size in zip(given, wanted, strict=True)):
        return None
    return _pooled_rows(_pooled_columns(tensor, wanted[1]), wanted[0])


def _pooled_columns(tensor: torch.Tensor, size: int) -> torch.Tensor:
    given = int(tensor.shape[-1])
    if given == 1:  # a matrix of one row would be a vector in ncnn
        return torch.cat([tensor] * size, -1)
    if size == 1:
        return tensor.mean(-1, keepdim=True)
    return tensor @ _constant(_means(given, size).T, tensor)


def _pooled_rows(tensor: torch.Tensor, size: int) -> torch.Tensor:
    given = int(tensor.shape[-2])
    if given == 1:
        return torch.cat([tensor] * size, -2)
    if size == 1:
        return tensor.mean(-2, keepdim=True)
    return _constant(_means(given, size), tensor) @ tensor


def resized(tensor: torch.Tensor, size: Any = None, *args: Any, **kwargs: Any) -> torch.Tensor | None:
    """What `torch.nn.functional.interpolate` gives with aligned corners where a side becomes 1: of that side
    the first, which ncnn does not take; None for all others."""
    if size is None or not kwargs.get("align_corners"):
        return None
    wanted = (size,) * (tensor.dim() - 2) if isinstance(size, int) else tuple(map(int, size))
    given = shape_of(tensor)[2:]
    ends = [1 if new == 1 else own for own, new in zip(given, wanted, strict=True)]
    if tuple(ends) == given:
        return None
    first = tensor[(slice(None), slice(None), *(slice(end) for end in ends))]
    return first if tuple(ends) == wanted else functional.interpolate(first, size, *args, **kwargs)


def _means(given: int, wanted: int) -> Doubles:
    """(wanted, given): the mean over each window, as torch chooses them."""
    matrix = np.zeros((wanted, given))
    for place in range(wanted):
        start, stop = place * given // wanted, -(-(place + 1) * given // wanted)
        matrix[place, start:stop] = 1 / (stop - start)
    return matrix


def _constant(values: Doubles, like: torch.Tensor) -> torch.Tensor:
    """Numbers as a constant of a trace, which holds how a tensor was made otherwise."""
    return torch.tensor(values.tolist(), dtype=like.dtype, device=like.device)


def _pair(size: Any) -> tuple[Any, Any]:
    return (size, size) if isinstance(size, int) else tuple(size)
