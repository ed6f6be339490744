"""bfloat16 storage of ncnn weights: the upper half of fp32, with its range and 8 bits of precision.

Weights are rounded as ncnn rounds what it computes in bf16, which it does when it is told to
(`opt.use_bf16_storage`; Vulkan: `use_bf16_packed`). Source: ncnn `src/mat.h`, `float32_to_bfloat16`; the
tag in `src/modelbin.cpp`.
"""

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Floats
from zoo.errors import ZooError
from zoo.ncnn.bin import Array, Storage
from zoo.ncnn.graph import Graph, store_floats
from zoo.ncnn.layer import Layer

LIMIT = (2 - 2.0**-8) * 2.0**127
"""What is as large as this rounds to infinity."""


def to_bf16(graph: Graph) -> Graph:
    """The graph with every tagged fp32 array stored as bf16; raw arrays and params stay as they are.

    Raises ZooError, naming the layer, for a weight that is not finite or rounds to infinity.
    """
    return store_floats(graph, _to_bf16)


def _to_bf16(source: Array, layer: Layer, role: str) -> Array:
    values = source.floats()
    unfit = ~(np.abs(values) < LIMIT)  # true for NaN as well
    if unfit.any():
        raise ZooError(
            f"{layer}: {role} holds {values[unfit.argmax()]}, which bfloat16 cannot: use fp32, or scale "
            "the layer down"
        )
    return Array(round_to_bf16(values), Storage.BF16)


def round_to_bf16(values: Floats) -> NDArray[np.uint16]:
    """The bits of float32 values as bfloat16: to nearest, halves away from zero. |values| is below LIMIT."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x8000) >> 16).astype(np.uint16)
