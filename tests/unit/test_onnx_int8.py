"""int8 ONNX models by onnxruntime's quantizer: faithful, portable, and the same every time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnx_samples import noise, run, timm_model

import zoo.onnx_int8
from zoo.errors import ZooError
from zoo.metrics import sqnr_db
from zoo.onnx_calibration import Reader
from zoo.onnx_int8 import CALIBRATIONS, Setting, quantize_dynamic, quantize_static

IMAGES = 8


@pytest.fixture(scope="module", params=["test_convnext", "test_resnet"])
def model(request, tmp_path_factory) -> onnx.ModelProto:
    return timm_model(request.param, tmp_path_factory.mktemp("onnx"))


def static(model: onnx.ModelProto, **setting) -> onnx.ModelProto:
    return quantize_static(model, noise(model, IMAGES), IMAGES, Setting(**setting))


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The 8-bit weights."""
    kinds = (TensorProto.INT8, TensorProto.UINT8)
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type in kinds and np.prod(tensor.dims) > 64
    }


def check(quantized: onnx.ModelProto, model: onnx.ModelProto, least: float) -> None:
    onnx.checker.check_model(quantized, full_check=True)
    assert {opset.domain for opset in quantized.opset_import} <= {"", "ai.onnx"}
    assert not {node.domain for node in quantized.graph.node} - {"", "ai.onnx"}
    assert [value.name for value in (*quantized.graph.input, *quantized.graph.output)] == ["data", "output"]
    other = noise(model, 4, seed=1)
    assert sqnr_db(run(model, other), run(quantized, other)) > least


@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_static_int8_is_faithful(calibration, model):
    quantized = static(model, calibration=calibration)
    check(quantized, model, least=8)
    operators = {node.op_type for node in quantized.graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= operators
    assert len(weights(quantized)) == sum(
        node.op_type in ("Conv", "Gemm", "MatMul") for node in model.graph.node
    )


def test_weights_are_quantized_by_channel(model):
    quantized = static(model)
    name, values = next(iter(weights(quantized).items()))
    scales = next(
        numpy_helper.to_array(tensor)
        for tensor in quantized.graph.initializer
        if tensor.name == name.replace("_quantized", "_scale")
    )
    assert scales.shape == (len(values),)


def test_dynamic_int8_is_faithful(model):
    quantized = quantize_dynamic(model, Setting())
    check(quantized, model, least=8)
    assert {"ConvInteger", "MatMulInteger"} & {node.op_type for node in quantized.graph.node}
