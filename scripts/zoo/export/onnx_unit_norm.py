"""`F.normalize` in ONNX: pnnx makes ncnn's Normalize, along the channels, of it along whatever dimension."""

import onnx
from onnx import ModelProto, NodeProto, numpy_helper

ALONG_CHANNELS = ((2, 1), (4, 1))
"""Number of dimensions and the one that a norm is along, where ncnn's Normalize is right."""


def written_out(model: ModelProto) -> int:
    """Divide by norms along another dimension than the channels as they are, without the Expand to what they
    divide, in place: pnnx then leaves division and norm apart. Return at how many places.

    Exact: a division by (…, 1, …) repeats it itself.
    """
    graph = _Graph(model)
    found = [node for node in model.graph.node if node.op_type == "Div" and graph.divides_by_norm(node)]
    for node in found:
        node.input[1] = graph.made[node.input[1]].input[0]
    return len(found)


class _Graph:
    def __init__(self, model: ModelProto) -> None:
        graph = onnx.shape_inference.infer_shapes(model).graph
        self.made = {name: node for node in model.graph.node for name in node.output}
        self._constants = {each.name: each for each in model.graph.initializer}
        self._shapes = {
            each.name: [dim.dim_value for dim in each.type.tensor_type.shape.dim]
            for each in (*graph.value_info, *graph.input, *graph.output)
        }

    def divides_by_norm(self, node: NodeProto) -> bool:
        """Whether a Div is of a value by its own norm, expanded to it and not along the channels."""
        value, expand = node.input[0], self.made.get(node.input[1])
        if expand is None or expand.op_type != "Expand" or not self._is_shape_of(expand.input[1], value):
            return False
        norm = self._norm(expand.input[0])
        if norm is None or norm.input[0] != value:
            return False
        rank = len(self._shapes.get(value, []))
        axes = self._axes(norm)
        return len(axes) == 1 and (rank, axes[0] % max(rank, 1)) not in ALONG_CHANNELS

    def _is_shape_of(self, name: str, value: str) -> bool:
        node = self.made.get(name)
        if node is not None and node.op_type == "Shape":
            return bool(node.input[0] == value)
        known = self._values(name)
        return known != [] and known == self._shapes.get(value)

    def _norm(self, name: str) -> NodeProto | None:
        """The ReduceL2 that a value is, or is what was limited below of; it has as many dimensions as what it
        is of."""
        node = self.made.get(name)
        while node is not None and node.op_type in ("Clip", "Max"):
            node = self.made.get(node.input[0])
        if node is None or node.op_type != "ReduceL2":
            return None
        return None if any(each.name == "keepdims" and not each.i for each in node.attribute) else node

    def _axes(self, norm: NodeProto) -> list[int]:
        given = next((list(each.ints) for each in norm.attribute if each.name == "axes"), None)
        if given is None:
            given = self._values(norm.input[1]) if len(norm.input) > 1 else []
        return given

    def _values(self, name: str) -> list[int]:
        """A constant of whole numbers; empty if it is none."""
        tensor, node = self._constants.get(name), self.made.get(name)
        if tensor is None and node is not None and node.op_type == "Constant":
            tensor = next((each.t for each in node.attribute if each.name == "value"), None)
        return [] if tensor is None else [int(each) for each in numpy_helper.to_array(tensor).ravel()]
