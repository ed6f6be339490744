"""im2col columns: the values of a layer's input that its weights multiply at one output position.

A 1x1 convolution multiplies the channels at a pixel; a larger kernel the channels under its window, padding
included; an inner product all its features. In a column they stand as in a row of `scales.weight_rows`, so
`rows @ column` is the layer's output without bias at that position.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.errors import ZooError
from zoo.ncnn.attention import is_self_attention
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Convolution, Gemm

# paddings of ncnn: as many as the stride needs, the odd one last or first
_SAME_UPPER, _SAME_LOWER = -233, -234


class Window(NamedTuple):
    """What a layer sees of its input at one output position; two-element tuples are (height, width).

    flat: the features of a row, or the whole blob (InnerProduct, Gemm, attention); the rest does not
        matter then.
    pad: what is put before the first row and column, and after the last: (top, left, bottom, right).
    fill: the value of what is put there.
    """

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    flat: bool = False
    fill: float = 0.0


PIXEL = Window()
"""The channels at a pixel."""


def window(layer: Layer) -> Window | None:
    """The window of a layer whose weights are constant; None for one that multiplies no columns.

    None: depthwise and grouped convolutions, whose channels do not meet, and weights that come as a blob.
    """
    if layer.type == "InnerProduct" or is_self_attention(layer):
        return Window(flat=True)
    if layer.type == "Gemm":
        weights_alone = layer.param(Gemm.CONSTANT_B) == 1 and not layer.param(Gemm.CONSTANT_A)
        return Window(flat=True) if weights_alone and not layer.param(Gemm.TRANS_A) else None
    if layer.type != "Convolution" or layer.param(Convolution.DYNAMIC_WEIGHT):
        return None
    kernel = _pair(layer, Convolution.KERNEL_H, Convolution.KERNEL_W, 0)
    stride = _pair(layer, Convolution.STRIDE_H, Convolution.STRIDE_W, 1)
    dilation = _pair(layer, Convolution.DILATION_H, Convolution.DILATION_W, 1)
    pad = _padding(layer)
    if kernel == (1, 1) and not any(pad):
        return PIXEL  # the stride only skips pixels
    fill = layer.params.get(Convolution.PAD_VALUE, 0.0)
    return Window(kernel, stride, dilation, pad, fill=fill if isinstance(fill, float) else 0.0)


def _pair(layer: Layer, vertical: int, horizontal: int, default: int) -> tuple[int, int]:
    across = layer.param(horizontal, default)
    return layer.param(vertical, across), across


def _padding(layer: Layer) -> tuple[int, int, int, int]:
    """Top, left, bottom, right; by default bottom is as top, and top and right are as left."""
    left = layer.param(Convolution.PAD_LEFT)
    top = layer.param(Convolution.PAD_TOP, left)
    return top, left, layer.param(Convolution.PAD_BOTTOM, top), layer.param(Convolution.PAD_RIGHT, left)


class Draw:
    """Where the blobs of one image are sampled: one position in each of equal stretches of them.

    numbers: uniform in [0, 1), as many as positions are drawn at most.
    """

    def __init__(self, numbers: Doubles) -> None:
        self._numbers = numbers
        self._known: dict[int, NDArray[np.int64]] = {}
        self._windows: dict[tuple[Window, tuple[int, int]], Taps] = {}

    def positions(self, count: int) -> NDArray[np.int64]:
        """Indices of so many positions at most, ascending; the same for every blob with `count` of them."""
        if count not in self._known:
            self._known[count] = self._drawn(count)
        return self._known[count]

    def taps(self, view: Window, size: tuple[int, int]) -> "Taps":
        """Where windows at drawn output positions read an input of (height, width)."""
        key = view, size
        if key not in self._windows:
            self._windows[key] = _taps(view, size, self)
        return self._windows[key]

    def _drawn(self, count: int) -> NDArray[np.int64]:
        most = len(self._numbers)
        if count <= most:
            return np.arange(count)
        return ((np.arange(most) + self._numbers) * (count / most)).astype(np.int64).clip(0, count - 1)


def pixel_columns(values: Floats, draw: Draw) -> Floats:
    """Channels at drawn pixels of a blob in ncnn's layout, shape (pixels, channels)."""
    if values.ndim < 3:  # (features,) or (rows, features)
        rows = values.reshape(-1, values.shape[-1])
        return rows[draw.positions(len(rows))]
    rows = values.reshape(len(values), -1)
    return np.ascontiguousarray(rows.take(draw.positions(rows.shape[1]), axis=1).T)


def window_columns(values: Floats, view: Window, width: int, draw: Draw) -> Floats:
    """Columns of drawn output positions, shape (positions, width), of a blob in ncnn's layout.

    width: the weights of an output channel. Raises ZooError if the blob does not give columns that wide.
    """
    if view.flat:
        rows = values if values.ndim == 2 and values.shape[1] == width else values.reshape(1, -1)
        columns = rows[draw.positions(len(rows))]
    elif view == PIXEL or values.ndim != 3:
        columns = pixel_columns(values, draw)
    else:
        columns = _patches(values, view, draw)
    if columns.shape[1] != width:
        raise ZooError(f"its input has the shape {values.shape}, which gives no columns of {width} numbers")
    return columns


class Taps(NamedTuple):
    """What windows read. y: (positions, kernel height), x: (positions, kernel width), both within the input;
    inside: (positions, kernel height, kernel width), False for what is padding; None: there is none."""

    y: NDArray[np.int64]
    x: NDArray[np.int64]
    inside: NDArray[np.bool_] | None


def _taps(view: Window, size: tuple[int, int], draw: Draw) -> Taps:
    starts, counts = zip(*(_starts(view, axis, size[axis]) for axis in (0, 1)), strict=True)
    picked = np.unravel_index(draw.positions(counts[0] * counts[1]), counts)
    y, x = (
        (starts[axis] + picked[axis] * view.stride[axis])[:, None]
        + np.arange(view.kernel[axis]) * view.dilation[axis]
        for axis in (0, 1)
    )
    if not any(view.pad):  # then all windows lie inside
        return Taps(y, x, None)
    height, width = size
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None, :]
    return Taps(y.clip(0, height - 1), x.clip(0, width - 1), None if inside.all() else inside)


def _patches(values: Floats, view: Window, draw: Draw) -> Floats:
    y, x, inside = draw.taps(view, values.shape[1:])
    taps = values[:, y[:, :, None], x[:, None, :]]  # (channels, positions, kernel height, kernel width)
    patches = taps if inside is None else np.where(inside, taps, np.float32(view.fill))
    return np.ascontiguousarray(patches.transpose(1, 0, 2, 3)).reshape(len(y), -1)


def _starts(view: Window, axis: int, size: int) -> tuple[int, int]:
    """Where the first window starts along an axis, and how many windows there are."""
    extent, stride = view.dilation[axis] * (view.kernel[axis] - 1) + 1, view.stride[axis]
    before, after = view.pad[axis], view.pad[axis + 2]
    if before in (_SAME_UPPER, _SAME_LOWER):
        both = max(0, (-(-size // stride) - 1) * stride + extent - size)
        small, large = both // 2, both - both // 2
        before, after = (small, large) if before == _SAME_UPPER else (large, small)
    return -before, (size + before + after - extent) // stride + 1
