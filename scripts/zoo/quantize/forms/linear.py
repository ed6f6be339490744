"""Linear layers on tokens, in the forms that compute the same: Gemm, InnerProduct, 1x1 convolution.

pnnx writes a Linear layer on (tokens, features) as a Gemm with constant weights, or as an InnerProduct. A
convolution can take its place where the blob is transposed to (features, 1, tokens). Which form is fastest
depends on the precision (docs/int8.md, "Linear layers on tokens"), so only what is to be int8 changes its
form.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from zoo.array_types import Floats
from zoo.errors import ZooError
from zoo.ncnn.bin import Array, Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import (
    BroadcastTypeC,
    Convolution,
    Gemm,
    InnerProduct,
    Permute,
    PermuteOrder,
    Reshape,
)

POINTWISE = ("AbsVal", "Clip", "ELU", "GELU", "HardSigmoid", "HardSwish", "Mish", "ReLU", "Sigmoid", "Swish")
"""Activations that do not care whether a blob is transposed."""

_INT8_OR_FUSED = (InnerProduct.INT8_SCALE_TERM, InnerProduct.ACTIVATION_TYPE)

_NOT_PLAIN = (
    Gemm.TRANS_A,
    Gemm.CONSTANT_A,
    Gemm.OUTPUT_N1M,
    Gemm.OUTPUT_ELEMPACK,
    Gemm.OUTPUT_ELEMTYPE,
    Gemm.OUTPUT_TRANSPOSE,
    Gemm.QUANTIZE_TERM,
)


_SWAPPED = {Permute.ORDER_TYPE: PermuteOrder.H_W}
_REST = -1  # a size of a Reshape: what the others leave


def is_linear(layer: Layer) -> bool:
    """Whether a float layer is x W^T + c for rows x, with stored W and, if any, stored c by output.

    An InnerProduct is that if its input is rows and not one vector, which its line does not tell.
    """
    if layer.type == "InnerProduct":
        return "weight" in layer.weights and not any(map(layer.param, _INT8_OR_FUSED))
    if layer.type != "Gemm" or "B" not in layer.weights or len(layer.inputs) != 1:
        return False
    by_output = "C" not in layer.weights or layer.param(Gemm.CONSTANT_BROADCAST_TYPE_C) == BroadcastTypeC.N
    factors = (layer.params.get(Gemm.ALPHA, 1.0), layer.params.get(Gemm.BETA, 1.0))
    return by_output and factors == (1.0, 1.0) and not any(map(layer.param, _NOT_PLAIN))


def linear_rows(layer: Layer) -> Floats:
    """The weights of a linear layer, (outputs, inputs). Raises ZooError for any other layer."""
    if not is_linear(layer):
        raise ZooError(f"{layer}: not a product with constant weights, and a bias by output at most")
    if layer.type == "InnerProduct":
        return layer.weights["weight"].floats().reshape(layer.param(InnerProduct.NUM_OUTPUT), -1)
    outputs, inputs = layer.param(Gemm.CONSTANT_N), layer.param(Gemm.CONSTANT_K)
    values = layer.weights["B"].floats()
    if layer.param(Gemm.TRANS_B):  # the rows of B are the outputs
        return values.reshape(outputs, inputs)
    return values.reshape(inputs, outputs).T


def to_convolution(layer: Layer) -> Layer:
    """A linear layer as a 1x1 convolution, which reads and makes transposed blobs."""
    rows, bias = linear_rows(layer), layer.weights.get("C", layer.weights.get("bias"))
    weights = {"weight": array(np.ascontiguousarray(rows), Storage.FP32)}
    if bias is not None:
        weights["bias"] = array(bias.floats(), Storage.RAW)
    params = {
        Convolution.NUM_OUTPUT: len(rows),
        Convolution.KERNEL_W: 1,
        Convolution.BIAS_TERM: int(bias is not None),
        Convolution.WEIGHT_DATA_SIZE: rows.size,
    }
    return Layer("Convolution", layer.name, layer.inputs, layer.outputs, params, weights)


def to_gemm(layer: Layer) -> Layer:
    """A linear layer as a Gemm whose rows of B are the outputs."""
    gemm = gemm_of(layer.name, linear_rows(layer), layer.weights.get("C", layer.weights.get("bias")))
    return replace(gemm, inputs=layer.inputs, outputs=layer.outputs)


def gemm_of(name: str, rows: Floats, bias: Array | None) -> Layer:
    """A Gemm, not wired yet, with the weights `rows`, (outputs, inputs), whose rows stay those of B."""
    weights = {"B": array(np.ascontiguousarray(rows), Storage.FP32)}
    if bias is not None:
        weights["C"] = array(bias.floats(), Storage.FP32)
    outputs, inputs = rows.shape
    params = {
        Gemm.TRANS_B: 1,
        Gemm.CONSTANT_B: 1,
        Gemm.CONSTANT_C: 1,
        Gemm.CONSTANT_N: outputs,
        Gemm.CONSTANT_K: inputs,
        Gemm.CONSTANT_BROADCAST_TYPE_C: BroadcastTypeC.NONE if bias is None else BroadcastTypeC.N,
    }
    return Layer("Gemm", name, (), (), params, weights)


def as_convolutions(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with these linear layers as 1x1 convolutions; it computes the same, to rounding.

    A Permute and a Reshape transpose a blob for a convolution and back. They are left out between two of the
    layers with nothing but pointwise activations between, and layers that read copies of one blob share
    them. The convolutions keep the names of the layers; a blob that stays transposed gets another. Raises
    ZooError if a layer is not linear, see `is_linear`.
    """
    chosen = set(names)
    transposed = _stay_transposed(graph, chosen)
    layers: list[Layer] = []
    for layer in graph.layers:
        source = _source_to_transpose(graph, layer, chosen, transposed)
        if source is not None:
            layers += _transpose(layer.name, *source)
            layer = replace(layer, inputs=layers[-1].outputs)
        if layer.name not in chosen:
            layers.append(layer)
            continue
        convolution, (output,) = to_convolution(layer), layer.outputs
        if output in transposed:
            layers.append(convolution)
        else:
            inner, width = f"{layer.name}_made", convolution.param(Convolution.NUM_OUTPUT)
            layers.append(replace(convolution, outputs=(inner,)))
            layers += _transpose_back(layer.name, inner, output, width)
    # another name for what is another shape, so that nobody compares the two
    renamed = {blob: f"{blob}_turned" for blob in transposed}
    return Graph(tuple(_renamed(layer, renamed) for layer in layers))


def _renamed(layer: Layer, names: Mapping[str, str]) -> Layer:
    if names.keys().isdisjoint((*layer.inputs, *layer.outputs)):
        return layer
    inputs, outputs = (
        tuple(names.get(blob, blob) for blob in blobs) for blobs in (layer.inputs, layer.outputs)
    )
    return replace(layer, inputs=inputs, outputs=outputs)


def transposition_names(name: str) -> tuple[str, ...]:
    """The names of the layers that transpose blobs for the convolution of that name alone."""
    return tuple(layer.name for layer in (*_transpose(name, "", 1), *_transpose_back(name, "", "", 1)))


def _stay_transposed(graph: Graph, chosen: Collection[str]) -> set[str]:
    """The blobs between two convolutions, which no layer needs as rows."""
    between_two: set[str] = set()
    for name in chosen:
        way: list[str] = []
        blob = graph[name].outputs[0]
        while len(readers := graph.consumers(blob)) == 1:
            way.append(blob)
            if readers[0].name in chosen:
                between_two |= set(way)
            if readers[0].type not in POINTWISE:
                break
            blob = readers[0].outputs[0]
    return between_two


def _source_to_transpose(
    graph: Graph, layer: Layer, chosen: Collection[str], transposed: Collection[str]
) -> tuple[str, int] | None:
    """The blob to transpose in front of a layer, and its width, if that is the place for it."""
    if layer.type == "Split":
        width = _shared_width(graph, layer, chosen)
        return (layer.inputs[0], width) if width else None
    if layer.name not in chosen or layer.inputs[0] in transposed:
        return None
    maker = graph.producer(layer.inputs[0])
    if maker is not None and maker.type == "Split" and _shared_width(graph, maker, chosen):
        return None
    return layer.inputs[0], linear_rows(layer).shape[1]


def _shared_width(graph: Graph, split: Layer, chosen: Collection[str]) -> int:
    """The width of the rows that a Split copies, if only layers that become convolutions read it; else 0."""
    readers = [reader for blob in split.outputs for reader in graph.consumers(blob)]
    if not readers or any(reader.name not in chosen for reader in readers):
        return 0
    return int(linear_rows(readers[0]).shape[1])


def _transpose(name: str, blob: str, width: int) -> list[Layer]:
    """(rows, width) to (width, 1, rows)."""
    permute, reshape = f"{name}_in_permute", f"{name}_in_reshape"
    shape = {Reshape.W: _REST, Reshape.H: 1, Reshape.C: width}
    return [
        Layer("Permute", permute, (blob,), (permute,), _SWAPPED),
        Layer("Reshape", reshape, (permute,), (reshape,), shape),
    ]


def _transpose_back(name: str, blob: str, to: str, width: int) -> list[Layer]:
    """(width, 1, rows) to (rows, width)."""
    permute, reshape = f"{name}_out_permute", f"{name}_out_reshape"
    return [
        Layer("Reshape", reshape, (blob,), (reshape,), {Reshape.W: _REST, Reshape.H: width}),
        Layer("Permute", permute, (reshape,), (to,), _SWAPPED),
    ]
