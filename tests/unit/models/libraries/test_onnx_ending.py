"""How ONNX graphs end."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from samples.onnx import chain
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.models.libraries.onnx_ending import onnx_ending, onnx_step

WEIGHT = np.random.default_rng(0).standard_normal((192, 5)) / 14
LINEAR = (("Flatten", None), ("MatMul", WEIGHT), ("Add", np.ones(5) / 9))


@pytest.mark.parametrize(
    ("end", "kind", "by"),
    [
        ([], "logits", "MatMul"),
        ([("LogSoftmax", None)], "logits", "LogSoftmax"),
        ([("Softmax", None)], "probabilities", "Softmax"),
        ([("Softmax", None), ("Identity", None), ("Flatten", None)], "probabilities", "Softmax"),
        ([("Sigmoid", None), ("Identity", None)], "sigmoid", "Sigmoid"),
        ([("HardSigmoid", None)], "sigmoid", "HardSigmoid"),
        ([("Neg", None), ("Exp", None), ("Add", np.ones(5)), ("Reciprocal", None)], "sigmoid", "answers"),
    ],
)
def test_the_end_of_a_graph_tells_what_comes_out(tmp_path: Path, end: list, kind: str, by: str) -> None:
    model = chain(*LINEAR, *end)
    onnx.save(model, tmp_path / "net.onnx")
    told = onnx_ending(tmp_path / "net.onnx", model, Feed.image(Preprocess((8, 8))))
    assert told.kind == kind and by in told.by


def test_what_is_quantized_behind_a_softmax_is_probabilities_still() -> None:
    nodes = [
        helper.make_node("Softmax", ["x"], ["p"]),
        helper.make_node("QuantizeLinear", ["p", "s"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4]) for name in ("x", "y")]
    assert onnx_step(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]))).kind == (
        "probabilities"
    )
