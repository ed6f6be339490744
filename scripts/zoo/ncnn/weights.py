"""Which layers have weights, which of them can be int8, and how many numbers and scales these are."""

from zoo.ncnn.attention import is_self_attention, query_dim
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import ConvolutionDepthWise, Gemm, Quantizable

QUANTIZABLE = ("Convolution", "ConvolutionDepthWise", "InnerProduct")
"""The layer types that a table can turn into int8."""

LEVELS = 127
"""The largest int8 step; -128 is never used, so that ranges are symmetric."""

MAX_SCALE = 1e30
"""Keeps a scale, and its product with an activation scale, inside float32."""


def layers_with_weights(graph: Graph) -> tuple[Layer, ...]:
    """The layers that a recipe must name: all that have arrays with a tag, which says how they are stored.

    Constants, such as the embedding of positions, are not weights that a layer computes with.
    """
    return tuple(layer for layer in graph.layers if layer.type != "MemoryData" and weight_count(layer))


def weight_count(layer: Layer) -> int:
    """How many numbers of a layer are stored with a tag; of its weights, these a recipe decides on."""
    return sum(array.values.size for array in layer.weights.values() if array.storage is not Storage.RAW)


def can_be_int8(layer: Layer) -> bool:
    """Whether a layer has a form in int8, on one device at least: it multiplies by stored weights."""
    if layer.type in QUANTIZABLE:
        return "weight" in layer.weights
    return (layer.type == "Gemm" and "B" in layer.weights) or is_self_attention(layer)


def row_width(layer: Layer) -> int:
    """How many weights an output channel has, of a layer that can be int8."""
    if layer.type == "Gemm":
        return layer.param(Gemm.CONSTANT_K)
    if layer.type == "MultiHeadAttention":
        return query_dim(layer)
    size: int = layer.weights["weight"].values.size
    return size // layer.param(Quantizable.NUM_OUTPUT)


def scale_count(layer: Layer) -> int:
    """How many weight scales a layer of QUANTIZABLE takes: output channels, or groups if depthwise."""
    if layer.type == "ConvolutionDepthWise":
        return layer.param(ConvolutionDepthWise.GROUP, 1)
    return layer.param(Quantizable.NUM_OUTPUT)
