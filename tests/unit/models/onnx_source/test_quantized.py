"""Quantized files in float: the weights are the same numbers, and what cut an activation still does."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

from samples.onnx import chain, noise, run
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.models.onnx_source.quantized import SENTENCE, is_quantized, to_float

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.standard_normal((4, 3, 3, 3)) / 3


class Noise(CalibrationDataReader):
    """Random inputs for onnxruntime's quantizer."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._left = noise(model, 8)

    def get_next(self):
        return self._left.pop() if self._left else None


def pooled() -> onnx.ModelProto:
    second = RANDOM.standard_normal((5, 4, 1, 1))
    return chain(("Conv", KERNEL), ("Relu", None), ("Conv", second), ("GlobalAveragePool", None))


def quantized(model: onnx.ModelProto, kind: str, folder) -> onnx.ModelProto:
    source, made = folder / "float.onnx", folder / "quantized.onnx"
    onnx.save(model, source)
    if kind == "dynamic":
        quantize_dynamic(source, made)
    else:
        by_channel = kind == "QDQ" and model.opset_import[0].version >= 13
        quantize_static(source, made, Noise(model), QuantFormat[kind], per_channel=by_channel)
    return onnx.load(made)


@pytest.mark.parametrize("kind", ["QDQ", "QOperator", "dynamic"])
def test_each_kind_of_quantized_file_in_float(kind, tmp_path):
    model = pooled()
    given = quantized(model, kind, tmp_path)
    assert is_quantized(given) and not is_quantized(model)
    folded = onnx.ModelProto.FromString(given.SerializeToString())
    assert to_float(folded) == [SENTENCE]
    onnx.checker.check_model(folded, full_check=True)
    operators = {node.op_type for node in folded.graph.node}
    assert not is_quantized(folded) and {"Conv", "GlobalAveragePool"} <= operators
    assert {each.data_type for each in folded.graph.initializer} <= {TensorProto.FLOAT, TensorProto.UINT8}
    feeds = noise(model, 4, seed=1)
    assert sqnr_db(run(model, feeds), run(folded, feeds)) > 30
    assert sqnr_db(run(given, feeds), run(folded, feeds)) > 30


@pytest.mark.parametrize("kind", ["QDQ", "QOperator"])
def test_a_quantized_file_of_opset_10_whose_clip_has_its_limits_as_attributes(kind, tmp_path):
    second = RANDOM.standard_normal((5, 4, 1, 1))
    steps = ("Conv", KERNEL), ("Relu", None), ("Conv", second), ("GlobalAveragePool", None)
    model = chain(*steps, opset=10)
    given = quantized(model, kind, tmp_path)
    assert given.opset_import[0].version == 10
    folded = onnx.ModelProto.FromString(given.SerializeToString())
    to_float(folded)
    onnx.checker.check_model(folded, full_check=True)
    feeds = noise(model, 4, seed=1)
    assert sqnr_db(run(given, feeds), run(folded, feeds)) > 30


def test_the_relu_that_a_range_does_as_well_is_not_lost(tmp_path):
    """onnxruntime's quantizer takes it away."""
    model = chain(("Conv", KERNEL), ("Relu", None))
    given = quantized(model, "QDQ", tmp_path)
    assert "Relu" not in {node.op_type for node in given.graph.node}
    to_float(given)
    assert run(given, noise(model, 2)).min() >= 0


def tensor(name: str, value, kind) -> TensorProto:
    return numpy_helper.from_array(np.array(value, kind), name)


def test_weights_are_exactly_what_their_numbers_mean():
    """By channel, with zero points."""
    numbers = RANDOM.integers(0, 255, (3, 3, 1, 1), np.uint8)
    scale, zero = np.float32([0.5, 0.25, 2.0]), np.uint8([3, 128, 250])
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"], axis=0),
        helper.make_node("Conv", ["data", "wf"], ["output"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3, 8, 8)) for name in ("data", "output")
    ]
    weights = [tensor("w", numbers, np.uint8), tensor("s", scale, np.float32), tensor("z", zero, np.uint8)]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    to_float(model)
    (kept,) = model.graph.initializer
    expected = (numbers.astype(np.float32) - zero.reshape(3, 1, 1, 1)) * scale.reshape(3, 1, 1, 1)
    np.testing.assert_array_equal(numpy_helper.to_array(kept), expected)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (
            helper.make_node("LRN", ["q"], ["output"], "norm", size=3),
            r"it is quantized, and LRN \(node norm\) reads quantized values, which has no form in float",
        ),
        (
            helper.make_node("MatMulNBits", ["data", "w", "s"], ["output"], "four", domain="com.microsoft"),
            r"MatMulNBits \(node four\) reads quantized values",
        ),
    ],
)
def test_what_has_no_form_in_float_is_named(node, text):
    nodes = [helper.make_node("QuantizeLinear", ["data", "s", "z"], ["q"]), node]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 3, 8, 8)) for name in ("data", "output")
    ]
    weights = [tensor("s", 0.1, np.float32), tensor("z", 128, np.uint8), tensor("w", [1], np.uint8)]
    model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], weights))
    with pytest.raises(ZooError, match=text):
        to_float(model)
