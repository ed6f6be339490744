"""Half-precision storage of ncnn weights, equal byte for byte to what `pnnx fp16=1` writes, where that loses
no more than float16 must.

pnnx makes zero of what is below float16's normal numbers. Where that costs too much its subnormal numbers
are kept, and an array that these are too coarse for stays float32. Its layer is not computed in float16 then,
which ncnn does by default on ARM: there Winograd's transform loses small weights again, and the large inputs
that such weights are for overflow in it.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import FLOAT16_MAX, Floats
from zoo.errors import ZooError
from zoo.ncnn.bin import Array, Storage, array
from zoo.ncnn.graph import Graph, store_floats
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import AnyLayer, FeatureMask

PRECISION = 2.0**-11
"""What rounding changes a number by at most, relative to it, if it is one of float16's normal numbers."""

SMALLEST_NORMAL = 2.0**-14
"""The smallest normal number of float16."""

_EXPONENT_SHIFT = (127 - 15) << 23  # between the biases of the two formats


def to_fp16(graph: Graph, layers: Collection[str] | None = None) -> Graph:
    """The graph with every tagged fp32 array stored as fp16; raw arrays stay as they are.

    An array that float16 holds worse than to `PRECISION`, by the norm of what is lost over its own, stays
    fp32, and its layer gets the order not to compute in fp16; other params stay as they are.

    layers: the names of those to convert; None for all.

    Raises ZooError, naming the layer, for a weight that is too large for float16: ncnn itself stores it in
    float16 on ARM and on Vulkan, whatever the file does.
    """
    stored = store_floats(graph, _array_to_fp16, layers)
    return Graph(
        tuple(
            _not_computed(layer) if (layers is None or layer.name in layers) and _losses(layer) else layer
            for layer in stored.layers
        )
    )


def kept(graph: Graph) -> list[str]:
    """A sentence for each array that `to_fp16` kept from float16: how, and why."""
    return [
        f"{layer}: {role} {_FLOATS[layer.weights[role].storage]} and is not computed in float16, which would "
        f"lose {loss:.2%} of it: it reaches {np.abs(layer.weights[role].floats()).max():.2g}, and float16 "
        f"has few digits below {SMALLEST_NORMAL:.2g}"
        for layer in graph.layers
        if layer.param(AnyLayer.FEATURE_MASK) & FeatureMask.NO_FP16_ARITHMETIC
        for role, loss in _losses(layer).items()
    ]


_FLOATS = {
    Storage.FP32: "stays float32",
    Storage.FP32_SCALED: "stays float32",
    Storage.CODEBOOK: "stays in a codebook",
}


def _losses(layer: Layer) -> dict[str, float]:
    """What float16 would lose of those arrays, by role, that it holds worse than to `PRECISION`."""
    floats = {role: each.floats() for role, each in layer.weights.items() if each.storage in _FLOATS}
    losses = {role: _loss(values, with_subnormals(values)) for role, values in floats.items()}
    return {role: loss for role, loss in losses.items() if not loss <= PRECISION}


def _not_computed(layer: Layer) -> Layer:
    """The layer with the order not to compute in fp16."""
    mask = layer.param(AnyLayer.FEATURE_MASK) | FeatureMask.NO_FP16_ARITHMETIC
    return replace(layer, params={**layer.params, AnyLayer.FEATURE_MASK: mask})


def _array_to_fp16(source: Array, layer: Layer, role: str) -> Array:
    values = source.floats()
    unfit = ~(np.abs(values) <= FLOAT16_MAX)  # true for NaN as well
    if unfit.any():
        raise ZooError(
            f"{layer}: {role} holds {values[unfit.argmax()]}, which float16 cannot (it ends at "
            f"{FLOAT16_MAX:.0f}): use fp32, or scale the layer down"
        )
    for halves in (round_to_fp16(values), with_subnormals(values)):
        if _loss(values, halves) <= PRECISION:
            return array(halves, Storage.FP16)
    return source


def _loss(values: Floats, halves: NDArray[np.float16]) -> float:
    """The norm of what float16 values lack, over that of the values."""
    norm = np.linalg.norm(values.astype(np.float64))
    return float(np.linalg.norm(values - halves.astype(np.float64)) / norm) if norm else 0.0


def round_to_fp16(values: Floats) -> NDArray[np.float16]:
    """float32 -> float16 as pnnx does it: halves away from zero; what is below 2**-14 becomes zero.

    The values must be at most FLOAT16_MAX in absolute value.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    magnitude = bits & 0x7FFFFFFF
    rounded = (magnitude - _EXPONENT_SHIFT + 0x1000) >> 13
    smallest = np.float32(SMALLEST_NORMAL).view(np.uint32)
    halves = np.where(magnitude < smallest, 0, rounded) | (bits >> 16) & 0x8000
    result: NDArray[np.float16] = halves.astype(np.uint16).view(np.float16)
    return result


def with_subnormals(values: Floats) -> NDArray[np.float16]:
    """float32 -> float16 by IEEE 754: to nearest, halves to even; below 2**-14 in steps of 2**-24."""
    return values.astype(np.float16)
