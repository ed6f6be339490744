"""The normal form of an ONNX model, which later stages convert."""

from collections.abc import Sequence
from typing import Any

import onnx
import onnx.version_converter
import onnxsim
from onnx.tools.update_model_dims import update_inputs_outputs_dims

from zoo.config.opset import DEFAULT_OPSET
from zoo.errors import ZooError
from zoo.images.inputs import Feed, Shape


def normalized(
    model: onnx.ModelProto, feed: Feed, names: tuple[Sequence[str], Sequence[str]]
) -> onnx.ModelProto:
    """The model simplified, for a batch of one, with inputs and outputs of these names.

    Dimensions in which an input's two shapes differ stay dynamic. Raises ZooError if it cannot be simplified.
    """
    shapes: dict[str, list[Any]] = {}
    given = _inputs(model)
    for each, source in zip(feed.inputs, given, strict=True):
        second: Shape = each.second_shape or each.shape
        shapes[source.name] = [1] + [
            size if size == other else f"{each.name}_{axis}"
            for axis, (size, other) in enumerate(zip(each.shape, second, strict=True))
        ]
    model = _read_by_all(model)
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
    given = _inputs(simplified)
    old = [[each.name for each in group] for group in (given, simplified.graph.output)]
    for before, after in zip(old, names, strict=True):
        _rename(simplified, dict(zip(before, after, strict=True)))
    return simplified


def _read_by_all(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in the newest opset that the tools behind it read exactly, if it is of a newer one and has an
    older form: since 18 pnnx and onnx2torch do not read reductions, whose axes became inputs."""
    version = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 1)
    if version <= DEFAULT_OPSET:
        return model
    try:
        converted: onnx.ModelProto = onnx.version_converter.convert_version(model, DEFAULT_OPSET)
        onnx.checker.check_model(converted, full_check=True)
    except Exception:  # of an operator without an older form; what reads it then is found by trying
        return model
    return converted


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
