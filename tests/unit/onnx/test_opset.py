"""Models in another operator set: the same numbers, or a sentence that names operator and node."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.errors import ZooError
from zoo.onnx.opset import in_opset, opset_of, shapes_of

RANDOM = np.random.default_rng(0)
DATA = RANDOM.standard_normal((1, 3, 8, 8), np.float32)


def of(nodes, opset: int, **weights) -> onnx.ModelProto:
    """data (1, 3, 8, 8) -> the nodes -> output."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("data", "output")]
    ends[0] = helper.make_tensor_value_info("data", TensorProto.FLOAT, DATA.shape)
    ends[1] = helper.make_tensor_value_info("output", TensorProto.FLOAT, tuple("nchw"))
    given = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(
        [helper.make_node(*node, **more) for *node, more in nodes], "g", ends[:1], ends[1:], given
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def answer(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"data": DATA})[0]


ONE = {
    "hard swish, a function": ([("HardSwish", ["data"], ["output"], {})], 17, {}),
    "layer norm, a function that asks for types": (
        [("LayerNormalization", ["data", "s", "b"], ["output"], {"axis": -1})],
        17,
        {"s": np.linspace(0.5, 1, 8, dtype=np.float32), "b": np.ones(8, np.float32)},
    ),
    "GELU, a function that casts": ([("Gelu", ["data"], ["output"], {})], 20, {}),
    "group norm, a function that takes a part of a shape": (
        [("GroupNormalization", ["data", "s", "b"], ["output"], {"num_groups": 3})],
        18,
        {"s": np.float32([1, 2, 3]), "b": np.float32([0, 1, 0])},
    ),
    "relu, whose types alone changed": ([("Relu", ["data"], ["output"], {})], 17, {}),
    "axes that became inputs": (
        [("ReduceMean", ["data", "a"], ["m"], {"keepdims": 0}), ("Unsqueeze", ["m", "b"], ["output"], {})],
        18,
        {"a": np.int64([2]), "b": np.int64([1])},
    ),
    "a split by its count": (
        [
            ("Split", ["data"], ["p", "q", "r"], {"num_outputs": 3, "axis": 3}),
            ("Concat", ["r", "p"], ["output"], {"axis": 3}),
        ],
        18,
        {},
    ),
    "a softmax over an inner axis": ([("Softmax", ["data"], ["output"], {"axis": 1})], 17, {}),
    "a softmax over the axis that was not the default": ([("Softmax", ["data"], ["output"], {})], 17, {}),
    "a resize that leaves out what it must say": (
        [("Resize", ["data", "", "s"], ["output"], {"mode": "nearest"})],
        17,
        {"s": np.float32([1, 1, 2, 2])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE, ids=str)
def test_an_older_opset_gives_the_same_numbers(case):
    nodes, opset, weights = ONE[case]
    model = of(nodes, opset, **weights)
    lowered = in_opset(model, 11, shapes_of(model))
    assert opset_of(lowered) == 11
    onnx.checker.check_model(lowered, full_check=True)
    np.testing.assert_allclose(answer(lowered), answer(model), rtol=1e-5, atol=1e-6)


def test_a_newer_opset_gives_the_same_numbers():
    """Before opset 13 a softmax is over all dimensions from its axis on."""
    model = of([("Softmax", ["data"], ["output"], {"axis": 1})], 11)
    raised = in_opset(model, 17, shapes_of(model))
    assert opset_of(raised) == 17
    np.testing.assert_allclose(answer(raised), answer(model), rtol=1e-5)
    assert in_opset(model, 11, shapes_of(model)) is model


@pytest.mark.parametrize(
    ("nodes", "opset", "text"),
    [
        (
            [("GridSample", ["data", "g"], ["output"], {"name": "warp"})],
            17,
            r"GridSample \(node warp\) has no form in ONNX opset 11: it came with opset 16; say opset: 17",
        ),
        (
            [("Resize", ["data", "", "s"], ["output"], {"mode": "linear", "antialias": 1, "name": "up"})],
            18,
            r"Resize \(node up\) of ONNX opset 18 has antialias = 1, and cannot in opset 11",
        ),
    ],
)
def test_an_operator_without_an_older_form_is_named(nodes, opset, text):
    grid = np.zeros((1, 4, 4, 2), np.float32)
    model = of(nodes, opset, g=grid, s=np.float32([1, 1, 0.5, 0.5]))
    with pytest.raises(ZooError, match=text):
        in_opset(model, 11, shapes_of(model))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize(("operator", "opset"), [("Upsample", 9), ("Resize", 10)])
def test_an_old_resize_takes_the_pixels_that_it_took(operator, opset, mode):
    """onnx's converter leaves the new default, which takes others; nearest by 1.5 shows it too."""
    scales = np.float32([1, 1, 2, 1.5])
    model = of([(operator, ["data", "s"], ["output"], {"mode": mode})], opset, s=scales)
    raised = in_opset(model, 17, shapes_of(model))
    assert np.allclose(answer(raised), answer(model), atol=1e-6)
