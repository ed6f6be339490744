"""Nodes in a plainer form: the same values, for each operator."""

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from samples.onnx import noise, run
from zoo.onnx.plain import OPERATORS, make_plain, with_pads

NOT_SYMMETRIC = (1, 3, 9, 12)


def padded(operator: str, how: str, **more) -> ModelProto:
    """One node on data (1, 3, 9, 12)."""
    weights = []
    if operator.startswith("Conv"):
        values = np.random.default_rng(0).standard_normal((3, 3, 4, 3), np.float32)
        weights = [numpy_helper.from_array(values, "w")]
    node = helper.make_node(
        operator,
        ["data", *(each.name for each in weights)],
        ["output"],
        kernel_shape=[4, 3],
        strides=[2, 3],
        auto_pad=how,
        **more,
    )
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("data", "output")]
    ends[0] = helper.make_tensor_value_info("data", TensorProto.FLOAT, NOT_SYMMETRIC)
    ends[1] = helper.make_tensor_value_info("output", TensorProto.FLOAT, tuple("nchw"))
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("how", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_words_become_numbers(operator, how):
    model = padded(operator, how)
    feeds = noise(model, 2)
    expected = run(model, feeds)
    with_pads(model)
    onnx.checker.check_model(model, full_check=True)
    names = {each.name for each in model.graph.node[0].attribute}
    assert "auto_pad" not in names and "pads" in names
    assert np.allclose(run(model, feeds), expected, atol=1e-6)


def test_sizes_that_are_not_known_leave_the_word():
    model = padded("Conv", "SAME_UPPER")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with_pads(model)
    assert "auto_pad" in {each.name for each in model.graph.node[0].attribute}


def resized(mode: str, opset: int) -> ModelProto:
    """A Resize with a region."""
    weights = [
        numpy_helper.from_array(np.float32([0, 0, 0.1, 0.2, 1, 1, 0.8, 0.9]), "region"),
        numpy_helper.from_array(np.float32([1, 1, 2, 2]), "scales"),
    ]
    node = helper.make_node(
        "Resize", ["data", "region", "scales"], ["output"], coordinate_transformation_mode=mode
    )
    ends = [helper.make_tensor_value_info("data", TensorProto.FLOAT, NOT_SYMMETRIC)]
    ends += [helper.make_tensor_value_info("output", TensorProto.FLOAT, tuple("nchw"))]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("mode", ["asymmetric", "half_pixel", "tf_crop_and_resize"])
def test_a_region_that_means_nothing_is_left_out(mode, opset):
    model = resized(mode, opset)
    feeds = noise(model, 2)
    expected = run(model, feeds)
    make_plain(model)
    onnx.checker.check_model(model, full_check=True)
    assert (model.graph.node[0].input[1] == "region") == (mode == "tf_crop_and_resize")
    assert np.allclose(run(model, feeds), expected, atol=1e-6)
