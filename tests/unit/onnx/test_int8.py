"""int8 ONNX models by onnxruntime's quantizer: faithful, portable, and the same every time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

import zoo.onnx.int8
from samples.onnx import chain, noise, run, timm_model
from zoo.config.settings import OnnxInt8
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.onnx.int8 import CALIBRATIONS, quantize_dynamic, quantize_static

IMAGES = 8


@pytest.fixture(scope="module", params=["test_convnext", "test_resnet"])
def model(request, tmp_path_factory) -> onnx.ModelProto:
    return timm_model(request.param, tmp_path_factory.mktemp("onnx"))


def static(model: onnx.ModelProto, **setting) -> onnx.ModelProto:
    return quantize_static(model, noise(model, IMAGES), IMAGES, OnnxInt8(**setting))


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The 8-bit weights."""
    kinds = (TensorProto.INT8, TensorProto.UINT8)
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type in kinds and len(tensor.dims) > 1
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
    quantized = quantize_dynamic(model, OnnxInt8())
    check(quantized, model, least=8)
    assert {"ConvInteger", "MatMulInteger"} & {node.op_type for node in quantized.graph.node}


def test_dynamic_int8_has_layers_of_a_transformer():
    """The pre-processing makes a Gemm of each MatMul and its bias, and the quantizer a MatMul of that."""
    generator = np.random.default_rng(0)
    first, second = generator.standard_normal((8, 16)), generator.standard_normal((16, 4))
    model = chain(
        *(("MatMul", first), ("Add", np.ones(16)), ("Relu", None)),
        *(("MatMul", second), ("Add", np.ones(4))),
    )
    quantized = quantize_dynamic(model, OnnxInt8())
    check(quantized, model, least=20)
    assert [node.op_type for node in quantized.graph.node].count("MatMulInteger") == 2
    assert len(weights(quantized)) == 2


@pytest.mark.parametrize("quantize", [static, lambda model: quantize_dynamic(model, OnnxInt8())])
def test_a_model_whose_values_are_called_as_the_quantizer_calls_its_own(quantize):
    """As of a model that was quantized before."""
    kernel = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    model = chain(("Conv", kernel), ("Sigmoid", None), ("Conv", kernel[:, :1].repeat(4, 1)), ("Relu", None))
    ends = ("_QuantizeLinear_Output", "_quantized", "_scale")
    names = {f"value_{place}": f"data{end}" for place, end in enumerate(ends)}
    names |= {"weight_2": "value_1_zero_point"}
    for node in model.graph.node:
        for group in (node.input, node.output):
            group[:] = [names.get(name, name) for name in group]
    for each in (*model.graph.initializer, *model.graph.value_info):
        each.name = names.get(each.name, each.name)
    check(quantize(model), model, least=20)


def test_layers_can_be_excluded_by_name_and_by_operator(model):
    first = next(node.name for node in model.graph.node if node.op_type == "Conv")
    whole, without = static(model), static(model, exclude=[first])
    assert len(weights(without)) == len(weights(whole)) - 1
    assert not weights(quantize_dynamic(model, OnnxInt8(exclude=["Conv", "Gemm"])))
    with pytest.raises(ZooError, match=r"exclude: fp32\.onnx has no node or operator InnerProduct"):
        static(model, exclude=["InnerProduct"])


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"calibration": "kl"}, "calibration: kl is unknown; known are minmax, entropy, percentile"),
        ({"weights": "int4"}, "weights: int4 is unknown; known are uint8, int8, int7"),
    ],
)
def test_an_unknown_setting_is_answered_with_the_known_ones(setting, sentence, model):
    with pytest.raises(ZooError, match=sentence):
        static(model, **setting)


def test_int7_weights_take_half_the_range(model):
    found = weights(static(model, weights="int7"))
    assert {each.dtype for each in found.values()} == {np.dtype(np.int8)}
    assert min(np.abs(each).max() for each in found.values()) <= 64


def test_an_activation_cuts_what_it_did_whether_its_readers_are_int8_or_not():
    """Its range is taken over by the output of the convolution before it, or it stays."""
    weight = np.eye(3).reshape(3, 3, 1, 1)
    model = chain(("Conv", weight * 20), ("Relu", None), ("GlobalAveragePool", None), ("Conv", weight))
    feeds = noise(model, 8)
    expected = run(model, feeds)
    for exclude in ([], ["node_3"], ["node_0"]):
        quantized = quantize_static(model, feeds, 8, OnnxInt8(exclude=exclude))
        assert sqnr_db(expected, run(quantized, feeds)) > 35, exclude
    last = chain(("Conv", weight * 20), ("Relu", None))
    assert run(quantize_static(last, feeds, 8, OnnxInt8()), feeds).min() >= 0


def test_symmetric_activations_are_int8_around_zero(model):
    quantized = static(model, symmetric=True)
    check(quantized, model, least=6)
    points = [node.input[2] for node in quantized.graph.node if node.op_type == "QuantizeLinear"]
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in quantized.graph.initializer}
    assert {(values[name].dtype, int(values[name].max())) for name in points} == {(np.dtype(np.int8), 0)}


def test_float_nodes_do_not_round_what_other_float_nodes_make(model):
    """The shortcut of a residual block, and the output."""
    graph = static(model).graph
    makers = {name: node for node in graph.node for name in node.output}
    assert makers["output"].op_type == "Gemm"
    additions = [node for node in graph.node if node.op_type == "Add"]
    assert additions
    for node in additions:
        for maker in [makers[name] for name in node.input if name in makers]:
            if maker.op_type == "DequantizeLinear":
                source = makers[makers[maker.input[0]].input[0]]
                assert source.op_type == "Conv", "what an int8 node makes is int8"


def test_the_same_inputs_give_the_same_bytes_in_every_process(tmp_path):
    timm_model("test_convnext", tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(zoo.onnx.int8.__file__).parents[2])!r})\n"
        "import numpy, onnx; from zoo.onnx.int8 import *\n"
        f"model = onnx.load({str(tmp_path / 'fp32.onnx')!r})\n"
        "feeds = [{'data': numpy.random.default_rng(0).random((1, 3, 32, 32), numpy.float32)}]\n"
        "made = quantize_static(model, feeds, 1, OnnxInt8()), quantize_dynamic(model, OnnxInt8())\n"
        "sys.stdout.buffer.write(b''.join(each.SerializeToString() for each in made))"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={"PYTHONHASHSEED": seed})
        for seed in "12"
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert first == second and len(first) > 100_000
