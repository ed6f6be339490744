"""Half-precision storage of ncnn weights, equal byte for byte to what `pnnx fp16=1` writes."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import FLOAT16_MAX, Floats
from zoo.errors import ZooError
from zoo.ncnn.bin import Array, Storage, array
from zoo.ncnn.graph import Graph, store_floats
from zoo.ncnn.layer import Layer

_SMALLEST_NORMAL = np.float32(2.0**-14).view(np.uint32)
_EXPONENT_SHIFT = (127 - 15) << 23  # between the biases of the two formats


def to_fp16(graph: Graph, layers: Collection[str] | None = None) -> Graph:
    """The graph with every tagged fp32 array stored as fp16; raw arrays and params stay as they are.

    layers: the names of those to convert; None for all.

    Raises ZooError, naming the layer, for a weight that float16 cannot hold.
    """
    return store_floats(graph, _array_to_fp16, layers)


def _array_to_fp16(source: Array, layer: Layer, role: str) -> Array:
    values = source.floats()
    unfit = ~(np.abs(values) <= FLOAT16_MAX)  # true for NaN as well
    if unfit.any():
        raise ZooError(
            f"{layer}: {role} holds {values[unfit.argmax()]}, which float16 cannot (it ends at "
            f"{FLOAT16_MAX:.0f}): use fp32, or scale the layer down"
        )
    return array(round_to_fp16(values), Storage.FP16)


def round_to_fp16(values: Floats) -> NDArray[np.float16]:
    """float32 -> float16 as pnnx does it: halves away from zero; what is below 2**-14 becomes zero.

    (numpy rounds halves to even and keeps subnormal results.) The values must be at most FLOAT16_MAX in
    absolute value.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    magnitude = bits & 0x7FFFFFFF
    rounded = (magnitude - _EXPONENT_SHIFT + 0x1000) >> 13
    halves = np.where(magnitude < _SMALLEST_NORMAL, 0, rounded) | (bits >> 16) & 0x8000
    result: NDArray[np.float16] = halves.astype(np.uint16).view(np.float16)
    return result
