"""The guard of int32 biases: a channel whose weights are near zero stays the constant that it is."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from samples.onnx import noise, run
from zoo.config.settings import OnnxInt8
from zoo.measure.metrics import sqnr_db
from zoo.onnx.bias_guard import RAISED
from zoo.onnx.int8 import quantize_static


def with_a_dead_channel(scale: float) -> onnx.ModelProto:
    """A convolution of four channels, of which the last has weights of this size and a bias of 0.5."""
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((4, 3, 3, 3), np.float32)
    weight[3] *= scale
    bias = np.float32([0.1, -0.2, 0.3, 0.5])
    ends = [helper.make_tensor_value_info("data", TensorProto.FLOAT, (1, 3, 8, 8))]
    ends += [helper.make_tensor_value_info("output", TensorProto.FLOAT, (1, 4, 1, 1))]
    nodes = [
        helper.make_node("Conv", ["data", "w", "b"], ["c"], "conv"),
        helper.make_node("GlobalAveragePool", ["c"], ["output"], "pool"),
    ]
    weights = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph(nodes, "dead", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("weights", ["uint8", "int8", "int7"])
def test_a_channel_near_zero_keeps_its_bias(weights, caplog):
    model = with_a_dead_channel(1e-9)
    feeds = noise(model, 4)
    quantized = quantize_static(model, feeds, 4, OnnxInt8(weights=weights, exclude=[]))
    expected, got = run(model, feeds), run(quantized, feeds, exact=True)
    assert np.allclose(got[:, 3], 0.5, atol=0.01), "the bias of the dead channel"
    assert sqnr_db(expected, got) > 30
    if weights == "uint8":  # for int8 onnxruntime does it itself
        assert "layer conv: the scales of 1 channels were raised" in caplog.text
        assert {each.key: each.value for each in quantized.metadata_props}[RAISED] == "conv: 1"


@pytest.mark.parametrize("operator", ["Gemm", "ConvTranspose"])
def test_other_layers_have_such_channels_too(operator):
    generator = np.random.default_rng(0)
    shape = (4, 6) if operator == "Gemm" else (4, 6, 3, 3)
    weight = generator.standard_normal(shape, np.float32)
    weight[:, 5] *= np.float32(1e-9)
    bias = np.float32([0.1, -0.2, 0.3, 0.1, -0.1, 0.5])
    size = (1, 4) if operator == "Gemm" else (1, 4, 5, 5)
    ends = [helper.make_tensor_value_info("data", TensorProto.FLOAT, size)]
    ends += [helper.make_tensor_value_info("output", TensorProto.FLOAT, tuple("nchw"[: len(size)]))]
    nodes = [helper.make_node(operator, ["data", "w", "b"], ["output"], "layer")]
    weights = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph(nodes, "dead", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feeds = noise(model, 4)
    quantized = quantize_static(model, feeds, 4, OnnxInt8())
    assert {each.key: each.value for each in quantized.metadata_props}[RAISED] == "layer: 1"
    assert sqnr_db(run(model, feeds), run(quantized, feeds)) > 25


def test_scales_that_are_large_enough_stay():
    model = with_a_dead_channel(1.0)
    quantized = quantize_static(model, noise(model, 4), 4, OnnxInt8())
    assert RAISED not in {each.key for each in quantized.metadata_props}
