"""Attention's queries, keys and values in four dimensions."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.export.onnx_graph import rewritten

TOKENS, HEADS, CHANNELS = 6, 2, 4


def unbound(how: str, last: bool = True) -> onnx.ModelProto:
    """x (1, tokens, 3 * heads * channels), reshaped, transposed and taken apart, and multiplied again.

    last: the three are a part of the last dimension.
    """
    constants = {
        "shape": np.int64(
            [1, TOKENS, 3, HEADS, CHANNELS] if last else [1, TOKENS // 3, 3, 3 * HEADS, CHANNELS]
        ),
        "axes": np.int64([0]),
    }
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["five"]),
        helper.make_node("Transpose", ["five"], ["turned"], perm=[2, 0, 3, 1, 4]),
    ]
    for index, name in enumerate("qkv"):
        if how == "slice":
            constants |= {f"{name}s": np.int64([index]), f"{name}e": np.int64([index + 1])}
            nodes.append(helper.make_node("Slice", ["turned", f"{name}s", f"{name}e", "axes"], [f"{name}5"]))
            nodes.append(helper.make_node("Squeeze", [f"{name}5", "axes"], [name]))
        elif how == "gather":
            constants[f"{name}i"] = np.array(index - 3 if index == 2 else index, np.int64)
            nodes.append(helper.make_node("Gather", ["turned", f"{name}i"], [name], axis=0))
    if how == "split":
        nodes.append(helper.make_node("Split", ["turned"], ["q5", "k5", "v5"], axis=0))
        nodes += [helper.make_node("Squeeze", [f"{name}5", "axes"], [name]) for name in "qkv"]
    nodes.append(helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]))
    nodes.append(helper.make_node("MatMul", ["q", "kt"], ["qk"]))
    nodes.append(helper.make_node("MatMul", ["qk", "v"], ["y"]))
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, TOKENS, 3 * HEADS * CHANNELS))]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, "heads", "tokens", CHANNELS))]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "attention", ends, made, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answer(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).standard_normal((1, TOKENS, 3 * HEADS * CHANNELS), np.float32)
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("how", ["slice", "gather", "split"])
def test_an_unbind_of_a_reshaped_projection_is_exact_in_four_dimensions(how):
    model = unbound(how)
    result, count = rewritten(model)
    assert count == 1
    onnx.checker.check_model(result, full_check=True)
    np.testing.assert_array_equal(answer(result), answer(model))
    inferred = onnx.shape_inference.infer_shapes(result, data_prop=True).graph
    assert max(len(each.type.tensor_type.shape.dim) for each in inferred.value_info) <= 4


def test_what_is_no_part_of_the_last_dimension_is_left_alone():
    model = unbound("slice", last=False)
    result, count = rewritten(model)
    assert count == 0 and result == model
