"""What attention's last projection reads, which no blob of the model is.

In place of its last projection attention gets the identity, so that its output is what the projection would
read, and a Gemm behind it does what the projection did.
"""

from dataclasses import replace

import numpy as np

from zoo.ncnn.attention import is_self_attention, query_dim
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import BroadcastTypeC, Gemm, MultiHeadAttention


def projection_name(attention: str) -> str:
    """What the last projection of attention of that name is called in the statistics."""
    return f"{attention}/out"


def has_own_projection(layer: Layer) -> bool:
    """Whether a layer is float attention whose last projection can be a Gemm behind it."""
    return (
        is_self_attention(layer)
        and not layer.param(MultiHeadAttention.QUANTIZE_TERM)
        and query_dim(layer) == layer.param(MultiHeadAttention.EMBED_DIM)
    )


def with_projections(graph: Graph) -> Graph:
    """The graph with the last projection of each attention as a Gemm; it computes the same, to rounding."""
    layers: list[Layer] = []
    for layer in graph.layers:
        layers += _opened(layer) if has_own_projection(layer) else [layer]
    return Graph(tuple(layers))


def _opened(layer: Layer) -> list[Layer]:
    width, name = query_dim(layer), projection_name(layer.name)
    out = {
        "out_weight": array(np.eye(width, dtype=np.float32), Storage.FP32),
        "out_bias": array(np.zeros(width, np.float32), Storage.RAW),
    }
    params = {
        Gemm.TRANS_B: 1,
        Gemm.CONSTANT_B: 1,
        Gemm.CONSTANT_C: 1,
        Gemm.CONSTANT_N: width,
        Gemm.CONSTANT_K: width,
        Gemm.CONSTANT_BROADCAST_TYPE_C: BroadcastTypeC.N,
    }
    weights = {
        "B": array(layer.weights["out_weight"].floats(), Storage.FP32),
        "C": array(layer.weights["out_bias"].floats(), Storage.FP32),
    }
    return [
        replace(layer, outputs=(name,), weights={**layer.weights, **out}),
        Layer("Gemm", name, (name,), layer.outputs, params, weights),
    ]
