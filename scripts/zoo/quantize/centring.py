"""Zero point folded into the bias: one-sided inputs, as after a ReLU, centred to use both signs of int8.

int8 in ncnn is symmetric, so an input in [0, 6] uses half of its steps. A constant is taken off it, and the
bias of the layer that reads it takes the constant back: the model computes the same, to rounding. Where a
layer ends in a clip (or ReLU) this is free, its bias and the limits of the clip move. Elsewhere, as after a
GELU, a BinaryOp right before the reader subtracts the constant, which costs a pass over the values.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer, Param
from zoo.ncnn.param_ids import (
    BinaryOp,
    Convolution,
    FusedActivation,
    InnerProduct,
    Operation,
    Pooling,
    PoolMethod,
    Quantizable,
)
from zoo.quantize.scales import weight_rows

_NO_LIMIT = float(np.finfo(np.float32).max)
_MAKERS = ("Convolution", "ConvolutionDepthWise", "InnerProduct")
_MOVING = ("Permute", "Reshape", "Flatten")

_BIAS_TERM = {
    "Convolution": Convolution.BIAS_TERM,
    "ConvolutionDepthWise": Convolution.BIAS_TERM,
    "InnerProduct": InnerProduct.BIAS_TERM,
}


class Range(NamedTuple):
    """The limits of an activation, and the layer that it is fused into."""

    maker: str
    low: float
    high: float


def clipped_input(graph: Graph, name: str) -> Range | None:
    """The range of a layer's input if it moves for free: a fused clip or ReLU makes it for this layer alone.

    Layers that only move values, and a pooling to the mean, may stand between.
    """
    if not takes_back(graph[name]):
        return None
    blob = graph[name].inputs[0]
    while (maker := graph.producer(blob)) is not None and len(graph.consumers(blob)) == 1:
        if maker.type in _MAKERS:
            return _range(maker)
        if maker.type not in _MOVING and not _mean(maker):
            return None
        blob = maker.inputs[0]
    return None


def _range(maker: Layer) -> Range | None:
    if "weight" not in maker.weights:
        return None
    activation = maker.param(Quantizable.ACTIVATION_TYPE)
    if activation == FusedActivation.RELU:
        return Range(maker.name, 0.0, _NO_LIMIT)
    limits = maker.params.get(Quantizable.ACTIVATION_PARAMS)
    if activation == FusedActivation.CLIP and isinstance(limits, tuple) and len(limits) == 2:
        return Range(maker.name, float(limits[0]), float(limits[1]))
    return None


def _mean(layer: Layer) -> bool:
    """A global average pooling."""
    return (
        layer.type == "Pooling"
        and layer.param(Pooling.POOLING_TYPE) == PoolMethod.AVE
        and layer.param(Pooling.GLOBAL_POOLING) == 1
    )


def takes_back(layer: Layer) -> bool:
    """Whether the bias of a layer can take back a constant that its input lacks.

    That of a layer that pads cannot: the padding is zero whatever the input.
    """
    return layer.type in ("Convolution", "InnerProduct") and "weight" in layer.weights and not padded(layer)


def padded(layer: Layer) -> bool:
    """Whether a layer is a convolution that pads. Where a side is not given, it is padded like the left."""
    if layer.type != "Convolution":
        return False
    left = layer.param(Convolution.PAD_LEFT)
    others = (Convolution.PAD_TOP, Convolution.PAD_RIGHT, Convolution.PAD_BOTTOM)
    return bool(left) or any(layer.param(side, left) for side in others)


def centre(graph: Graph, name: str, offset: float) -> Graph:
    """The graph in which the layer reads its input less `offset`; its outputs stay the same.

    Free if `clipped_input` says so. Raises ZooError if the layer cannot take the constant back, see
    `takes_back`.
    """
    if not takes_back(graph[name]):
        raise ZooError(
            f"{graph[name]}: its input cannot be shifted, only that of a Convolution or InnerProduct with "
            "stored weights that does not pad can"
        )
    limits = clipped_input(graph, name)
    if limits is not None:
        high = _NO_LIMIT if limits.high >= _NO_LIMIT else limits.high - offset
        maker = with_bias(graph[limits.maker])
        clip: dict[int, Param] = {
            Quantizable.ACTIVATION_TYPE: FusedActivation.CLIP,
            Quantizable.ACTIVATION_PARAMS: (limits.low - offset, high),
        }
        graph = graph.replace(_moved(replace(maker, params={**maker.params, **clip}), np.array(-offset)))
    else:
        subtraction = {BinaryOp.OP_TYPE: Operation.SUB, BinaryOp.WITH_SCALAR: 1, BinaryOp.B: float(offset)}
        subtract = Layer("BinaryOp", shift_name(name), (), (), subtraction)
        graph = graph.insert(graph[name].inputs[0], subtract)
    reader = with_bias(graph[name])
    return graph.replace(_moved(reader, weight_rows(reader).sum(axis=1, dtype=np.float64) * offset))


def centred_blobs(graph: Graph, name: str) -> tuple[str, ...]:
    """The blobs that lack the constant in a graph where the layer's input is centred for free, see `centre`:
    from the layer whose clip moved to the input. None where a pass subtracts it."""
    blobs: list[str] = []
    blob = graph[name].inputs[0]
    while (maker := graph.producer(blob)) is not None and maker.name != shift_name(name):
        blobs.append(blob)
        if maker.type in _MAKERS:
            return tuple(blobs)
        if maker.type not in (*_MOVING, "Quantize") and not _mean(maker):
            break
        blob = maker.inputs[0]
    return ()


def shift_name(layer: str) -> str:
    """The name of the BinaryOp before this layer that shifts its input."""
    return f"{layer}_shift"


def with_bias(layer: Layer) -> Layer:
    """The layer with a bias, of zeros if it has none."""
    if "bias" in layer.weights:
        return layer
    zeros = array(np.zeros(layer.param(Quantizable.NUM_OUTPUT)), Storage.RAW)
    params = {**layer.params, _BIAS_TERM[layer.type]: 1}
    return replace(layer, params=params, weights={**layer.weights, "bias": zeros})


def _moved(layer: Layer, by: np.ndarray) -> Layer:
    bias = array(layer.weights["bias"].floats() + by, Storage.RAW)
    return replace(layer, weights={**layer.weights, "bias": bias})
