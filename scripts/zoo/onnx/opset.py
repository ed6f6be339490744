"""An ONNX model in another operator set: up by onnx's version converter, down by the operators' own schemas.

onnx's converter goes down for few operators (it has none for Relu from 14). Down, an operator that the older
set lacks is written as the function that its schema gives (layer norm, hard swish), one whose axes or sizes
became inputs gets attributes again, and any other is the same operator as long as all that it says can be
said in the older one. What comes out is compared with what went in, by onnxruntime.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnx.version_converter
import onnxruntime
from onnx import ModelProto, defs, helper

from zoo.array_types import Arrays
from zoo.errors import ZooError
from zoo.images.inputs import Shape, random_inputs
from zoo.measure.metrics import max_abs_error
from zoo.onnx.lowering import Lowering, has_form, name_of, with_plain_casts

TOLERANCE = 1e-4
"""Largest error of an output over its largest value between a model in two operator sets: float32 in
another order."""

LOCAL = ("", "ai.onnx")
"""The names of the domain of ONNX's own operators."""


def opset_of(model: ModelProto) -> int:
    """The version of ONNX's own operators that a model is written in."""
    return next((each.version for each in model.opset_import if each.domain in LOCAL), 1)


DYNAMIC = 64
"""What a dynamic dimension is taken for."""


RESIZE_SAYS_HOW = 11
"""Since this opset a Resize says which pixel of its input one of its output is; before, and of an Upsample,
there was one way, `ASYMMETRIC`, which onnx's version converter forgets to say."""
ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def shapes_of(model: ModelProto) -> tuple[Shape, ...]:
    """The shapes, without the batch, of the inputs of a model whose weights are none of them."""
    dims = [each.type.tensor_type.shape.dim for each in model.graph.input]
    return tuple(tuple(dim.dim_value or DYNAMIC for dim in each[1:]) for each in dims)


def in_opset(model: ModelProto, opset: int, shapes: Sequence[Shape]) -> ModelProto:
    """The model, with weights among its initializers, in this operator set.

    shapes: of its inputs, without the batch, to compare the two with. Raises ZooError that names the operator
    and node which have no form in it, or if what comes out is no valid model or answers otherwise.
    """
    version = opset_of(model)
    if version == opset:
        return model
    converted = _raised(model, opset) if version < opset else _lowered(model, version, opset)
    what = f"written in ONNX opset {opset}, the model, which is of opset {version},"
    try:
        onnx.checker.check_model(converted, full_check=True)
        before, after = (_answers(each, shapes) for each in (model, converted))
    except Exception as error:  # onnx and onnxruntime raise half a dozen unrelated classes
        raise ZooError(f"{what} is not valid ({_line(error)}); {_advice(version)}") from error
    for place, (expected, got) in enumerate(zip(before, after, strict=True)):
        reach = float(np.abs(expected).max(initial=0.0))
        if expected.shape != got.shape or not max_abs_error(expected, got) <= TOLERANCE * reach:
            raise ZooError(f"{what} gives another output {place}; {_advice(version)}")
    logging.info("converted from ONNX opset %d to %d", version, opset)
    return converted


def _advice(version: int) -> str:
    return f"say opset: {version}, or export the model in the opset that you want"


def _raised(model: ModelProto, opset: int) -> ModelProto:
    try:
        converted: ModelProto = onnx.version_converter.convert_version(model, opset)
    except Exception as error:  # of an operator that it has no rule for
        raise ZooError(
            f"the model, of ONNX opset {opset_of(model)}, cannot be raised to {opset} ({_line(error)}); "
            f"{_advice(opset_of(model))}"
        ) from error
    if opset_of(model) < RESIZE_SAYS_HOW <= opset:
        for node in converted.graph.node:
            if node.op_type == "Resize":
                node.attribute.extend(helper.make_attribute(*each) for each in ASYMMETRIC.items())
    return converted


def _lowered(model: ModelProto, version: int, opset: int) -> ModelProto:
    result = _without_functions(model, version, opset)
    for node in result.graph.node:
        if not has_form(node, opset):
            raise ZooError(
                f"the operator {name_of(node)} has no form in ONNX opset {opset}: it came with opset "
                f"{defs.get_schema(node.op_type, version, node.domain).since_version}; {_advice(version)}"
            )
    Lowering(onnx.shape_inference.infer_shapes(result), version, opset).apply(result.graph)
    for each in result.opset_import:
        if each.domain in LOCAL:
            each.version = opset
    del result.graph.value_info[:]  # which were of nodes that may be others now
    return result


def _without_functions(model: ModelProto, version: int, opset: int) -> ModelProto:
    """The model with the operators that the older set lacks as the functions that their schemas give."""
    result = ModelProto()
    result.CopyFrom(model)
    missing = {node.op_type for node in result.graph.node if not has_form(node, opset)}
    inlined = [("", name) for name in sorted(missing) if _is_function(name, version)]
    if not inlined:
        return result
    known = {each.name for each in (*result.graph.input, *result.graph.value_info)}
    result.graph.value_info.extend(  # the inliner asks for the type of each operand
        helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        for tensor in result.graph.initializer
        if tensor.name not in known
    )
    result = onnx.shape_inference.infer_shapes(result)
    result = onnx.inliner.inline_selected_functions(result, inlined, False, True)
    with_plain_casts(result)
    weights = {tensor.name for tensor in result.graph.initializer}
    kept = [each for each in result.graph.value_info if each.name not in weights]
    del result.graph.value_info[:]
    result.graph.value_info.extend(kept)
    return result


def _is_function(name: str, version: int) -> bool:
    schema: Any = defs.get_schema(name, version, "")
    return bool(schema.has_function or schema.has_context_dependent_function)


def _answers(model: ModelProto, shapes: Sequence[Shape]) -> Arrays:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_inputs()]
    values = zip(names, random_inputs(shapes), strict=True)
    return tuple(np.asarray(each) for each in session.run(None, {name: one[None] for name, one in values}))


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
