"""A node of an ONNX graph as an older operator set writes it, or the reason why it cannot."""

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, defs, helper, numpy_helper
from onnx.defs import OpSchema

from zoo.errors import ZooError

AS_ATTRIBUTE = {
    "Squeeze": "axes",
    "Unsqueeze": "axes",
    "Split": "split",
    **{f"Reduce{kind}": "axes" for kind in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2")},
    **{f"Reduce{kind}": "axes" for kind in ("LogSum", "LogSumExp", "SumSquare")},
}
"""Operators whose second input was an attribute once -> its name."""

OVER_THE_REST = ("Softmax", "LogSoftmax", "Hardmax")
"""Before opset 13 these are over all dimensions from their axis on, since then over the axis alone."""


def has_form(node: NodeProto, opset: int) -> bool:
    """Whether an operator set has the node's operator at all."""
    return _schema(node, opset) is not None


def name_of(node: NodeProto) -> str:
    """The node for messages."""
    return f"{node.op_type} (node {node.name or node.output[0]})"


def _schema(node: NodeProto, opset: int) -> OpSchema | None:
    try:
        return defs.get_schema(node.op_type, opset, node.domain)
    except defs.SchemaError:
        return None


class Lowering:
    """From one operator set to an older one. model: with the shapes of its values."""

    def __init__(self, model: ModelProto, version: int, opset: int) -> None:
        self._version, self._opset = version, opset
        graph = model.graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._constants |= {
            node.output[0]: _plain(node).attribute[0].t for node in graph.node if node.op_type == "Constant"
        }
        self._shapes = {
            each.name: [
                dim.dim_value if dim.HasField("dim_value") else None
                for dim in each.type.tensor_type.shape.dim
            ]
            for each in (*graph.value_info, *graph.input, *graph.output)
            if each.type.tensor_type.HasField("shape")
        }

    def apply(self, graph: GraphProto) -> None:
        """Rewrite all nodes, in place. Raises ZooError naming the first that says what cannot be said."""
        nodes = []
        for node in graph.node:
            nodes += self._rewritten(node, graph)
        del graph.node[:]
        graph.node.extend(nodes)

    def _rewritten(self, node: NodeProto, graph: GraphProto) -> list[NodeProto]:
        if node.op_type == "Constant":
            return [_plain(node)]
        if node.op_type == "Shape" and self._opset < 15 and node.attribute:
            return _shape_and_slice(node, graph)
        old, new = _schema(node, self._version), _schema(node, self._opset)
        assert old is not None and new is not None, "of has_form"
        if old.since_version == new.since_version or node.domain not in ("", "ai.onnx"):
            return [node]
        self._to_attribute(node, new)
        if node.op_type == "Resize":
            _with_all_inputs(node, graph)
        self._keep_defaults(node, old, new)
        while node.input and not node.input[-1]:
            del node.input[-1]
        if len(node.input) > new.max_input:
            raise self._refusal(node, f"its input {old.inputs[new.max_input].name}")
        if node.op_type in OVER_THE_REST and old.since_version >= 13 > new.since_version:
            return self._over_one(node)
        return [node]

    def _to_attribute(self, node: NodeProto, new: OpSchema) -> None:
        name = AS_ATTRIBUTE.get(node.op_type)
        if name is None or name not in new.attributes:
            return
        if len(node.input) > 1 and node.input[1]:
            if (tensor := self._constants.get(node.input[1])) is None:
                raise self._refusal(node, f"{name} that are computed")
            node.attribute.append(helper.make_attribute(name, numpy_helper.to_array(tensor).tolist()))
        elif node.op_type == "Split":
            node.attribute.append(helper.make_attribute(name, self._parts(node)))
        del node.input[1:]
        dropped = [each for each in node.attribute if each.name == "num_outputs"]
        for each in dropped:
            node.attribute.remove(each)

    def _parts(self, node: NodeProto) -> list[int]:
        """The sizes of the parts of a Split that says only how many: equal, but for a smaller last one."""
        axis = next((each.i for each in node.attribute if each.name == "axis"), 0)
        size, count = self._shapes.get(node.input[0], [])[axis:][:1], len(node.output)
        if not size or size[0] is None:
            raise self._refusal(node, "parts of a dynamic dimension")
        part = -(-size[0] // count)
        return [part] * (count - 1) + [size[0] - part * (count - 1)]

    def _keep_defaults(self, node: NodeProto, old: OpSchema, new: OpSchema) -> None:
        """Drop attributes that the older operator lacks and whose value is what it does; say those whose
        default was another."""
        said = {each.name for each in node.attribute}
        for name, attribute in old.attributes.items():
            default = attribute.default_value
            if name in said and name not in new.attributes:
                (own,) = (each for each in node.attribute if each.name == name)
                if _value(own) != _value(default):
                    raise self._refusal(node, f"{name} = {_value(own)}")
                node.attribute.remove(own)
            elif name not in said and name in new.attributes and default.type:
                other = new.attributes[name].default_value
                node.attribute.extend([default] if _value(default) != _value(other) else [])

    def _over_one(self, node: NodeProto) -> list[NodeProto]:
        """A softmax over one axis, which is put last for it."""
        rank = len(self._shapes.get(node.input[0], []))
        (axis,) = (each for each in node.attribute if each.name == "axis")
        if axis.i in (-1, rank - 1):
            axis.i = rank - 1
            return [node]
        if not rank:
            raise self._refusal(node, "an axis of a value of unknown rank")
        order = list(range(rank))
        order[axis.i], order[-1] = rank - 1, axis.i % rank
        (given,), (made,) = node.input, node.output
        axis.i = rank - 1
        node.input[:], node.output[:] = [f"{made}/last"], [f"{made}/over_last"]
        return [
            helper.make_node("Transpose", [given], [f"{made}/last"], f"{node.name}/last", perm=order),
            node,
            helper.make_node("Transpose", [f"{made}/over_last"], [made], f"{node.name}/back", perm=order),
        ]

    def _refusal(self, node: NodeProto, what: str) -> ZooError:
        return ZooError(
            f"{name_of(node)} of ONNX opset {self._version} has {what}, and cannot in opset {self._opset}; "
            f"say opset: {self._version}, or export the model in the opset that you want"
        )


def with_plain_casts(model: ModelProto) -> None:
    """Write each CastLike, of which functions are full, as a Cast to the type that it is like, in place."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    kinds = {each.name: each.data_type for each in graph.initializer}
    kinds |= {
        each.name: each.type.tensor_type.elem_type
        for each in (*graph.input, *graph.output, *graph.value_info)
    }
    for node in model.graph.node:
        if node.op_type == "CastLike" and kinds.get(node.input[1]):
            kind = kinds[node.input[1]]
            cast = helper.make_node("Cast", [node.input[0]], list(node.output), node.name, to=kind)
            node.CopyFrom(cast)


def _shape_and_slice(node: NodeProto, graph: GraphProto) -> list[NodeProto]:
    """A part of a shape: before opset 15 the whole shape, and a slice of it."""
    said = {each.name: each.i for each in node.attribute}
    whole, (made,) = f"{node.output[0]}/whole", node.output
    ends = {"starts": said.get("start", 0), "ends": said.get("end", np.iinfo(np.int64).max)}
    names = [f"{made}/{name}" for name in ends]
    for name, value in zip(names, ends.values(), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
    return [
        helper.make_node("Shape", list(node.input), [whole], node.name),
        helper.make_node("Slice", [whole, *names], [made], f"{made}/slice"),
    ]


def _value(attribute: AttributeProto) -> object:
    return helper.get_attribute_value(attribute) if attribute.type else None


def _plain(node: NodeProto) -> NodeProto:
    """A Constant whose value is a tensor, as all operator sets have it."""
    (attribute,) = node.attribute
    if attribute.name == "value":
        return node
    kind = np.int64 if attribute.name.startswith("value_int") else np.float32
    tensor = numpy_helper.from_array(np.array(_value(attribute), kind), node.output[0])
    return helper.make_node("Constant", [], list(node.output), node.name, value=tensor)


def _with_all_inputs(node: NodeProto, graph: GraphProto) -> None:
    """Before opset 13 a Resize says its region and scales even where they mean nothing."""
    node.input.extend([""] * (3 - len(node.input)))
    for place, name in ((1, "roi"), (2, "scales")):
        if not node.input[place]:
            node.input[place] = f"{node.output[0]}/{name}"
            graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.float32), node.input[place]))
