"""float16 and bfloat16 inside a model."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from samples.onnx import chain, noise, run
from zoo.models.onnx_source.accepted import accepted
from zoo.models.onnx_source.floats import to_float32

KERNEL = np.random.default_rng(0).standard_normal((4, 3, 3, 3), np.float32)


def test_float16_weights_are_the_same_numbers_in_float32():
    model = chain(("Conv", KERNEL), ("Relu", None))
    half = convert_float_to_float16(model, keep_io_types=True)
    feeds = noise(model, 2)
    taken = accepted(half)  # which puts the converter's nodes in order
    assert taken.changes[-1] == "what it holds in float16 is float32: the same weights, nothing rounded"
    onnx.checker.check_model(half, full_check=True)
    (weight,) = (each for each in half.graph.initializer if len(each.dims) == 4)
    np.testing.assert_array_equal(numpy_helper.to_array(weight), KERNEL.astype(np.float16).astype(np.float32))
    np.testing.assert_allclose(run(half, feeds), run(model, feeds), atol=0.01)
    assert to_float32(half) == [], "nothing is left to do"


def test_bfloat16_weights():
    model = chain(("Mul", np.float32([1.5, 2.0, 3.0]).reshape(3, 1, 1)))
    weight = model.graph.initializer[0]
    weight.CopyFrom(helper.make_tensor(weight.name, TensorProto.BFLOAT16, [3, 1, 1], [1.5, 2.0, 3.0]))
    cast = helper.make_node("Cast", [weight.name], ["wide"], to=TensorProto.FLOAT)
    model.graph.node[0].input[1] = "wide"
    model.graph.node.insert(0, cast)
    assert "bfloat16" in to_float32(model)[0]
    feeds = noise(model, 1)
    expected = feeds[0]["data"] * np.float32([1.5, 2.0, 3.0]).reshape(1, 3, 1, 1)
    np.testing.assert_array_equal(run(model, feeds)[0], expected.ravel())


def test_a_model_that_takes_float16_is_left_for_the_error_that_names_its_input():
    half = convert_float_to_float16(chain(("Conv", KERNEL)), keep_io_types=False)
    assert to_float32(half) == [] and half.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT16
