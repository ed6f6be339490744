"""An ONNX model as it was given, and the same as the zoo takes it, with a sentence for each change."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from onnx import GraphProto, ModelProto, NodeProto

from zoo.errors import ZooError
from zoo.models.onnx_source.ends import to_nchw, without_negative_dims
from zoo.models.onnx_source.floats import to_float32
from zoo.models.onnx_source.quantized import to_float
from zoo.onnx.zero_pads import keep_zero_pads


@dataclass(frozen=True)
class Accepted:
    """A model as the zoo takes it."""

    model: ModelProto
    changes: tuple[str, ...]
    """What it differs in from the file, a sentence each; none: the file is taken as it is."""
    transposed: frozenset[str] = frozenset()
    """The inputs that were NHWC."""
    dequantized: bool = False


def accepted(model: ModelProto, layout: str | None = None, others: Collection[str] = ()) -> Accepted:
    """The model with its nodes in order, in float32, without quantization, its images NCHW.

    layout: nchw or nhwc, of its images; None: by their shapes. others: the inputs that are no images. The
    model given is changed. Raises ZooError naming the operator and node for what cannot be had in float32.
    """
    changes = [*_sorted(model.graph), *without_negative_dims(model), *to_float32(model), *_padded(model)]
    dequantized = to_float(model)
    transposed, said = to_nchw(model, layout, others)
    return Accepted(model, (*changes, *dequantized, *said), frozenset(transposed), bool(dequantized))


def _padded(model: ModelProto) -> list[str]:
    count = keep_zero_pads(model)
    return [f"{count} MaxPool keep the zeros around what they read, which onnxruntime drops"] if count else []


def _sorted(graph: GraphProto) -> list[str]:
    """Put the nodes after those that they read, as onnxruntime does by itself and ONNX asks for."""
    makers = {name: node for node in graph.node for name in node.output}
    ordered: dict[int, NodeProto] = {}
    open_nodes: set[int] = set()

    def place(first: NodeProto) -> None:
        stack = [(first, iter(_reads(first)))]
        open_nodes.add(id(first))
        while stack:
            node, reads = stack[-1]
            maker = next((makers[name] for name in reads if name in makers), None)
            if maker is None:
                ordered[id(node)] = node
                open_nodes.discard(id(node))
                stack.pop()
            elif id(maker) in open_nodes:
                raise ZooError(f"the node {maker.name or maker.output[0]} reads what it makes itself")
            elif id(maker) not in ordered:
                open_nodes.add(id(maker))
                stack.append((maker, iter(_reads(maker))))

    given = list(graph.node)
    for node in given:
        if id(node) not in ordered:
            place(node)
    nodes = list(ordered.values())
    if all(one is other for one, other in zip(nodes, given, strict=True)):
        return []
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    return ["its nodes were put in the order in which they run"]


def _reads(node: NodeProto) -> Iterator[str]:
    """What a node reads, within its inner graphs too."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)
