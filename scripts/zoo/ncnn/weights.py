"""Which layers have weights, which of them can be int8, and how many numbers and scales these are."""

from zoo.ncnn.attention import is_self_attention, query_dim
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import ConvolutionDepthWise, Gemm, Quantizable


def quantizable(graph: Graph) -> list[Layer]:
    """The layers that could be int8: those of these types with stored weights."""
    return [
        layer
        for layer in graph.of_type(*QUANTIZABLE, "Gemm", "MultiHeadAttention")
        if {"weight", "B"} & set(layer.weights) or is_self_attention(layer)
    ]


def row_width(layer: Layer) -> int:
    """How many weights an output channel of a quantizable layer has."""
    if layer.type == "Gemm":
        return layer.param(Gemm.CONSTANT_K)
    if layer.type == "MultiHeadAttention":
        return query_dim(layer)
    size: int = layer.weights["weight"].values.size
    return size // layer.param(Quantizable.NUM_OUTPUT)


QUANTIZABLE = ("Convolution", "ConvolutionDepthWise", "InnerProduct")
"""The layer types that a table can turn into int8."""


def scale_count(layer: Layer) -> int:
    """How many weight scales a quantizable layer takes: output channels, or groups if depthwise."""
    if layer.type == "ConvolutionDepthWise":
        return layer.param(ConvolutionDepthWise.GROUP, 1)
    return layer.param(Quantizable.NUM_OUTPUT)


LEVELS = 127
"""The largest int8 step; -128 is never used, so that ranges are symmetric."""


MAX_SCALE = 1e30
"""Keeps a scale, and its product with an activation scale, inside float32."""


def planned(graph: Graph) -> tuple[Layer, ...]:
    """The layers that a recipe must name: all that have arrays with a tag, which tells how they are stored.

    Constants, such as the embedding of positions, are not weights that a layer computes with.
    """
    return tuple(
        layer
        for layer in graph.layers
        if layer.type != "MemoryData"
        and any(each.storage is not Storage.RAW for each in layer.weights.values())
    )


def stored_weights(layer: Layer) -> int:
    """How many weights of a layer its recipe decides on: those stored with a tag."""
    return sum(each.values.size for each in layer.weights.values() if each.storage is not Storage.RAW)
