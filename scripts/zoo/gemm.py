"""Linear layers on tokens: a Gemm as the 1x1 convolution that computes the same.

pnnx writes a Linear layer on (tokens, features) as a Gemm with constant weights. A convolution sees such a
blob when it is turned to (features, 1, tokens). Measured on ncnn 1.0.20261020, 197 tokens, 192 -> 768, one
thread: Gemm 0.58 ms, the convolution with its turns 0.63; in int8 the convolution 0.28, an InnerProduct on
the same rows 2.7. So the fp32 model keeps its Gemm, and what is to be int8 becomes a convolution.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from zoo.errors import ZooError
from zoo.ncnn_bin import Floats, Storage, array
from zoo.ncnn_graph import Graph
from zoo.ncnn_layers import Layer

POINTWISE = ("AbsVal", "Clip", "ELU", "GELU", "HardSigmoid", "HardSwish", "Mish", "ReLU", "Sigmoid", "Swish")
"""Activations that do not care how a blob is turned."""

# transposed A; constant A; output in other shapes and types; weights that are int8 already
_PLAIN = (2, 4, 11, 12, 13, 14, 18)


def is_linear(layer: Layer) -> bool:
    """Whether a layer is a Gemm x W^T + c with stored W and, if any, stored c by output."""
    if layer.type != "Gemm" or "B" not in layer.weights or len(layer.inputs) != 1:
        return False
    by_output = "C" not in layer.weights or layer.param(10) == 4
    factors = (layer.params.get(0, 1.0), layer.params.get(1, 1.0))
    return by_output and factors == (1.0, 1.0) and not any(layer.param(key) for key in _PLAIN)


def linear_rows(layer: Layer) -> Floats:
    """The weights of a linear Gemm, (outputs, inputs). Raises ZooError for any other layer."""
    if not is_linear(layer):
        raise ZooError(f"{layer}: not a product with constant weights, and a bias by output at most")
    outputs, inputs = layer.param(8), layer.param(9)
    values = layer.weights["B"].floats()
    # parameter 3: B is transposed, so that its rows are the outputs
    return values.reshape(outputs, inputs) if layer.param(3) else values.reshape(inputs, outputs).T


def to_convolution(layer: Layer) -> Layer:
    """The same numbers as a 1x1 convolution, which reads and makes turned blobs."""
    rows = linear_rows(layer)
    weights = {"weight": array(np.ascontiguousarray(rows), layer.weights["B"].storage)}
    if "C" in layer.weights:
        weights["bias"] = array(layer.weights["C"].floats(), Storage.RAW)
    params = {0: len(rows), 1: 1, 5: int("bias" in weights), 6: rows.size}
    return Layer("Convolution", layer.name, layer.inputs, layer.outputs, params, weights)


def as_convolutions(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with these linear Gemm layers as 1x1 convolutions; it computes the same, to rounding.

    A Permute and a Reshape turn a blob for a convolution and back. They are left out between two of the
    layers with nothing but pointwise activations between, and layers that read copies of one blob share
    them. The convolutions keep the names of the layers, and inputs and outputs theirs. Raises ZooError if
    a layer is not linear, see `is_linear`.
    """
    chosen = set(names)
    turned = _stay_turned(graph, chosen)
    layers: list[Layer] = []
    for layer in graph.layers:
        front = _front(graph, layer, chosen, turned)
        if front is not None:
            before, width = front
            layers += _turn(f"{layer.name}_in", before, f"{layer.name}_turned", width)
            layer = replace(layer, inputs=(f"{layer.name}_turned",))
        if layer.name not in chosen:
            layers.append(layer)
            continue
        convolution, (output,) = to_convolution(layer), layer.outputs
        if output in turned:
            layers.append(convolution)
        else:
            made = f"{layer.name}_made"
            layers.append(replace(convolution, outputs=(made,)))
            layers += _turn_back(f"{layer.name}_out", made, output, convolution.param(0))
    return Graph(tuple(layers))


def _stay_turned(graph: Graph, chosen: Collection[str]) -> set[str]:
    """The blobs between two convolutions, which no layer needs as rows."""
    found: set[str] = set()
    for name in chosen:
        between: list[str] = []
        blob = graph[name].outputs[0]
        while len(readers := graph.consumers(blob)) == 1:
            between.append(blob)
            if readers[0].name in chosen:
                found |= set(between)
            if readers[0].type not in POINTWISE:
                break
            blob = readers[0].outputs[0]
    return found


def _front(
    graph: Graph, layer: Layer, chosen: Collection[str], turned: Collection[str]
) -> tuple[str, int] | None:
    """The blob to turn in front of a layer, and its width, if it is to be turned there."""
    if layer.type == "Split":
        width = _shared_width(graph, layer, chosen)
        return (layer.inputs[0], width) if width else None
    if layer.name not in chosen or layer.inputs[0] in turned:
        return None
    maker = graph.producer(layer.inputs[0])
    if maker is not None and maker.type == "Split" and _shared_width(graph, maker, chosen):
        return None
    return layer.inputs[0], layer.param(9)


def _shared_width(graph: Graph, split: Layer, chosen: Collection[str]) -> int:
    """The width of the rows that a Split copies, if only layers that become convolutions read it; else 0."""
    readers = [reader for blob in split.outputs for reader in graph.consumers(blob)]
    return readers[0].param(9) if readers and all(reader.name in chosen for reader in readers) else 0


def _turn(name: str, blob: str, to: str, width: int) -> list[Layer]:
    """(rows, width) to (width, 1, rows)."""
    return [
        Layer("Permute", f"{name}_permute", (blob,), (f"{name}_permute",), {0: 1}),
        Layer("Reshape", f"{name}_reshape", (f"{name}_permute",), (to,), {0: -1, 1: 1, 2: width}),
    ]


def _turn_back(name: str, blob: str, to: str, width: int) -> list[Layer]:
    """(width, 1, rows) to (rows, width)."""
    return [
        Layer("Reshape", f"{name}_reshape", (blob,), (f"{name}_reshape",), {0: -1, 1: width}),
        Layer("Permute", f"{name}_permute", (f"{name}_reshape",), (to,), {0: 1}),
    ]
