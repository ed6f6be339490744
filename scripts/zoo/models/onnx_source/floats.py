"""float16 and bfloat16 inside an ONNX model, as float32: the weights are the same numbers."""

from collections.abc import Iterator, Mapping

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

HALVES: Mapping[int, str] = {TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16"}
_TYPES = {"Cast": "to", **dict.fromkeys(("EyeLike", "RandomNormal", "RandomUniform", "Bernoulli"), "dtype")}
"""Operators that say a type -> the attribute in which they do."""


def to_float32(model: ModelProto) -> list[str]:
    """Make all that is inside float32, in place; its inputs and outputs are what they were.

    A sentence if there was something; activations are then no longer rounded.
    """
    found = {
        HALVES[kind]
        for graph in _graphs(model.graph)
        for kind in (*(tensor.data_type for tensor in _tensors(graph)), *_casts(graph))
        if kind in HALVES
    }
    ends = [*model.graph.input, *model.graph.output]
    if not found or any(each.type.tensor_type.elem_type in HALVES for each in ends):
        return []  # of such an input nothing is made
    for graph in _graphs(model.graph):
        for tensor in _tensors(graph):
            if tensor.data_type in HALVES:
                values = np.asarray(numpy_helper.to_array(tensor), np.float32)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name == _TYPES.get(node.op_type) and attribute.i in HALVES:
                    attribute.i = TensorProto.FLOAT
        for each in (*graph.value_info, *graph.input, *graph.output):
            if each.type.tensor_type.elem_type in HALVES:
                each.type.tensor_type.elem_type = TensorProto.FLOAT
    return [f"what it holds in {' and '.join(sorted(found))} is float32: the same weights, nothing rounded"]


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.type == AttributeProto.TENSOR:
            yield attribute.t


def _casts(graph: GraphProto) -> Iterator[int]:
    return (int(each.i) for node in graph.node for each in node.attribute if _says_type(node, each))


def _says_type(node: NodeProto, attribute: AttributeProto) -> bool:
    return attribute.name == _TYPES.get(node.op_type)
