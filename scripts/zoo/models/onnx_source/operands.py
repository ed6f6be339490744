"""The constants of a quantized ONNX graph: numbers with scales and zero points, and the floats meant."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from zoo.errors import ZooError

Array = NDArray[Any]

RANGES: Mapping[int, tuple[int, int]] = {
    TensorProto.UINT8: (0, 255),
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT16: (0, 65535),
    TensorProto.INT16: (-32768, 32767),
    TensorProto.UINT4: (0, 15),
    TensorProto.INT4: (-8, 7),
}
"""The integers that activations are quantized to."""


class Operands:
    """The constants of a graph, by name, and new ones for it."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self._tensors[node.output[0]] = node.attribute[0].t

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def value(self, name: str) -> Array:
        """A constant's numbers."""
        return np.asarray(numpy_helper.to_array(self._tensors[name]))

    def array(self, node: NodeProto, place: int) -> Array:
        """The constant that an input is. Raises ZooError naming the node if it is none."""
        if node.input[place] not in self:
            raise no_float(node, f"has {node.input[place]} computed as it runs")
        return self.value(node.input[place])

    def zero(self, node: NodeProto, place: int) -> Array:
        """The zero point that an input is, float32; 0 if it is left out."""
        given = len(node.input) > place and node.input[place]
        return self.array(node, place).astype(np.float32) if given else np.zeros((), np.float32)

    def floats(self, node: NodeProto, place: int, axis: int, block: int = 0) -> Array:
        """A constant that is followed by its scale and zero point, as the float32 that it means."""
        numbers = self.array(node, place).astype(np.float32)
        scale, zero = self.array(node, place + 1).astype(np.float32), self.zero(node, place + 2)
        if block:
            first = [slice(None)] * numbers.ndim
            first[axis] = slice(numbers.shape[axis])  # the last block may be a shorter one
            scale, zero = (
                np.repeat(each, block, axis)[tuple(first)] if each.ndim else each for each in (scale, zero)
            )
        else:
            scale, zero = (along(each, numbers, axis) for each in (scale, zero))
        return np.asarray((numbers - zero) * scale, np.float32)

    def range_of(self, node: NodeProto, place: int) -> tuple[int, int]:
        """The smallest and the largest integer of the type of a zero point."""
        kind = int(TensorProto.UINT8)
        if len(node.input) > place and node.input[place] in self:
            kind = self._tensors[node.input[place]].data_type
        kind = attribute(node, "output_dtype", 0) or kind
        if kind not in RANGES:
            raise no_float(node, f"quantizes to {TensorProto.DataType.Name(kind).lower()}")
        return RANGES[kind]

    def keep(self, name: str, values: Array) -> str:
        """A new constant of the graph; its name. Floats become float32."""
        kind = np.dtype(np.float32) if values.dtype.kind == "f" else values.dtype
        self._tensors[name] = numpy_helper.from_array(np.array(values, kind), name)
        self._graph.initializer.append(self._tensors[name])
        return name


def along(values: Array, like: Array, axis: int) -> Array:
    """Values by channel, of the axis, in the shape in which they go with an array; a single one as it is."""
    if values.size == 1:
        return values.reshape(())
    if values.ndim != 1:
        return values
    return values.reshape([-1 if each == axis % like.ndim else 1 for each in range(like.ndim)])


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """A node's attribute, or the default if it has none of that name."""
    found: Iterable[Any] = (helper.get_attribute_value(each) for each in node.attribute if each.name == name)
    return next(iter(found), default)


def no_float(node: NodeProto, what: str) -> ZooError:
    """The error for a node that has no form in float."""
    return ZooError(
        f"it is quantized, and {node.op_type} (node {node.name or node.output[0]}) {what}, which has no form "
        "in float; give the model before quantization"
    )
