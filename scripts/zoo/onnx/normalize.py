"""The normal form of an ONNX model, which later stages convert."""

from collections.abc import Sequence
from typing import Any

import onnx
import onnxsim
from onnx.tools.update_model_dims import update_inputs_outputs_dims

from zoo.config.opset import DEFAULT_OPSET
from zoo.errors import ZooError
from zoo.images.inputs import Feed, Shape
from zoo.onnx.opset import in_opset, opset_of
from zoo.onnx.plain import make_plain
from zoo.onnx.zero_pads import keep_zero_pads


def normalized(
    model: onnx.ModelProto,
    feed: Feed,
    names: tuple[Sequence[str], Sequence[str]],
    opset: int = DEFAULT_OPSET,
) -> onnx.ModelProto:
    """The model simplified, for a batch of one, in this opset, with inputs and outputs of these names.

    Dimensions in which an input's two shapes differ stay dynamic. Raises ZooError if it cannot be simplified,
    or if an operator has no form in the opset.
    """
    if not all(each.type.tensor_type.HasField("shape") for each in model.graph.output):
        model = onnx.shape_inference.infer_shapes(model)  # onnxsim asks for them
    shapes: dict[str, list[Any]] = {}
    given = _inputs(model)
    for each, source in zip(feed.inputs, given, strict=True):
        second: Shape = each.second_shape or each.shape
        shapes[source.name] = [1] + [
            size if size == other else f"{each.name}_{axis}"
            for axis, (size, other) in enumerate(zip(each.shape, second, strict=True))
        ]
    simplified: onnx.ModelProto
    static = not any(isinstance(size, str) for shape in shapes.values() for size in shape)
    try:
        if static:
            simplified = onnxsim.simplify(model, overwrite_input_shapes=shapes)[0]
        else:
            outputs = {
                each.name: [
                    1 if axis == 0 else f"{each.name}_{axis}"
                    for axis, _ in enumerate(each.type.tensor_type.shape.dim)
                ]
                for each in model.graph.output
            }
            simplified = onnxsim.simplify(update_inputs_outputs_dims(model, shapes, outputs))[0]
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"the ONNX model cannot be simplified ({reason}); export it again") from error
    _keep_constants(simplified.graph)
    if opset_of(simplified) != opset:
        simplified = onnxsim.simplify(in_opset(simplified, opset, feed.shapes))[0]
        _keep_constants(simplified.graph)
    make_plain(simplified)
    keep_zero_pads(simplified)
    given = _inputs(simplified)
    old = [[each.name for each in group] for group in (given, simplified.graph.output)]
    for before, after in zip(old, names, strict=True):
        _rename(simplified, dict(zip(before, after, strict=True)))
    return simplified


def _keep_constants(graph: onnx.GraphProto) -> None:
    """Make initializers of constants, as which Paddle and others write their weights, in place."""
    nodes = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _rename(model: onnx.ModelProto, names: dict[str, str]) -> None:
    """Rename values, in place. Another value that bears a new name already gets an underscore."""
    graph = model.graph
    used = {name for node in graph.node for name in (*node.input, *node.output)} - set(names)
    names = {name: f"{name}_" for name in set(names.values()) & used} | names
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for group in (graph.input, graph.output, graph.value_info, graph.initializer):
        for each in group:
            each.name = names.get(each.name, each.name)


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What the graph is fed; old files list their weights among the inputs."""
    weights = {each.name for each in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in weights]
