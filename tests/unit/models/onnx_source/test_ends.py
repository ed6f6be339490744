"""Dynamic dimensions that are written as numbers, and images whose channels are last."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from zoo.models.onnx_source.ends import inputs_of, to_nchw, without_negative_dims


def of(shape, made=None) -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, made or shape)]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", ends, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def dims(value) -> list[int | None]:
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize("batch", [-1, 0])
def test_a_batch_of_minus_one_or_zero_is_dynamic(batch):
    model = of([batch, 3, 8, 8])
    assert without_negative_dims(model) == ["its dimensions of -1 or 0 are taken for dynamic ones"]
    assert dims(model.graph.input[0]) == dims(model.graph.output[0]) == [None, 3, 8, 8]
    assert without_negative_dims(of([1, 3, 8, 8])) == []


@pytest.mark.parametrize(
    ("shape", "layout", "transposed"),
    [
        ([1, 8, 6, 3], None, True),
        ([None, 8, 6, 1], None, True),
        ([1, None, None, 3], None, True),
        ([1, 3, 8, 6], None, False),
        ([1, 3, 8, 3], None, False),  # either, and NCHW is the usual one
        ([1, 3, 8, 3], "nhwc", True),
        ([1, 8, 6, 3], "nchw", False),
        ([1, 8, 6, 5], None, False),
        ([1, 8, 6, 5], "nhwc", True),
        ([1, 8, 3], None, False),
    ],
)
def test_an_image_with_its_channels_last_gets_a_transpose(shape, layout, transposed):
    model = of(shape)
    names, said = to_nchw(model, layout, ())
    assert names == (["x"] if transposed else []) and len(said) == transposed
    if transposed:
        assert dims(model.graph.input[0]) == [shape[0], shape[3], *shape[1:3]]
        onnx.checker.check_model(model, full_check=True)
        values = np.random.default_rng(0).random((1, 5 if shape[3] == 5 else shape[3], 8, 6), np.float32)
        if shape[2:] == [6, shape[3]]:
            session = onnxruntime.InferenceSession(model.SerializeToString())
            np.testing.assert_array_equal(session.run(None, {"x": values})[0], -values.transpose(0, 2, 3, 1))


def test_what_is_no_image_is_left_as_it_is():
    assert to_nchw(of([1, 8, 6, 3]), None, ["x"]) == ([], [])


def test_weights_among_the_inputs_are_none():
    model = of([1, 3, 8, 8])
    model.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0]))
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [1]))
    assert [each.name for each in inputs_of(model)] == ["x"]
