"""The names of parameters: that ncnn means the same by them, and that nothing else is a number."""

import ast
from pathlib import Path

import numpy as np
import pytest

from samples.ncnn import chain, layer, run
from zoo.ncnn import param_ids
from zoo.ncnn.graph import Graph
from zoo.ncnn.layouts import TYPES
from zoo.ncnn.param_ids import FusedActivation, Operation, PaddingType, PermuteOrder, PoolMethod

PROJECT = Path(__file__).resolve().parents[3]
SOURCES = sorted([*PROJECT.glob("scripts/**/*.py"), *PROJECT.glob("benchmarks/*.py")])
VALUES = {
    "BroadcastTypeC",
    "Direction",
    "FeatureMask",
    "FusedActivation",
    "Int8ScaleTerm",
    "LoadType",
    "Operation",
    "PaddingType",
    "PermuteOrder",
    "PoolMethod",
    "ReductionOp",
}
IMAGE = np.linspace(-4, 4, 2 * 5 * 6, dtype=np.float32).reshape(2, 5, 6)


def test_each_class_is_a_type_of_layers_or_the_values_of_a_parameter():
    classes = {name for name, each in vars(param_ids).items() if isinstance(each, type)}
    assert classes - VALUES - {"AnyLayer", "Quantizable"} <= TYPES


@pytest.mark.parametrize("kind", sorted(TYPES & set(vars(param_ids))))
def test_no_two_parameters_of_a_layer_have_an_id(kind):
    cls = getattr(param_ids, kind)
    ids = [getattr(cls, name) for name in dir(cls) if name.isupper() and name != "FROM_BLOB"]
    assert len(set(ids)) == len(ids) and set(ids) <= set(range(32))


def padded(top: int, bottom: int, left: int, right: int, **options) -> np.ndarray:
    return np.pad(IMAGE, ((0, 0), (top, bottom), (left, right)), **options)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def hard_swish(alpha: float, beta: float) -> np.ndarray:
    return IMAGE * np.clip(alpha * IMAGE + beta, 0, 1)


RUNS = [
    ("Clip", {"min": -1.0, "max": 2.0}, IMAGE.clip(-1, 2)),
    ("ReLU", {"slope": 0.25}, np.where(IMAGE > 0, IMAGE, IMAGE / 4)),
    ("HardSwish", {"alpha": 0.3, "beta": 0.4}, hard_swish(0.3, 0.4)),
    (
        "GELU",
        {"fast_gelu": 1},
        IMAGE / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (IMAGE + 0.044715 * IMAGE**3))),
    ),
    ("BinaryOp", {"op_type": Operation.SUB, "with_scalar": 1, "b": 1.5}, IMAGE - 1.5),
    ("BinaryOp", {"op_type": Operation.MUL, "with_scalar": 1, "b": 1.5}, IMAGE * 1.5),
    ("Pooling", {"pooling_type": PoolMethod.AVE, "global_pooling": 1}, IMAGE.mean(axis=(1, 2))),
    ("Pooling", {"pooling_type": PoolMethod.MAX, "global_pooling": 1}, IMAGE.max(axis=(1, 2))),
    ("Reshape", {"w": 10, "h": 3, "c": 2}, IMAGE.reshape(2, 3, 10)),
    ("Reshape", {"w": 2, "h": 3, "d": 5, "c": 2}, IMAGE.reshape(2, 5, 3, 2)),
    (
        "Padding",
        {"top": 1, "bottom": 2, "left": 3, "right": 4, "value": 7.0},
        padded(1, 2, 3, 4, constant_values=7),
    ),
    ("Padding", {"top": 1, "left": 1, "type": PaddingType.REPLICATE}, padded(1, 0, 1, 0, mode="edge")),
    ("Padding", {"top": 1, "left": 1, "type": PaddingType.REFLECT}, padded(1, 0, 1, 0, mode="reflect")),
]


@pytest.mark.parametrize(("kind", "named", "expected"), RUNS)
def test_ncnn_does_what_the_names_say(kind, named, expected, tmp_path):
    np.testing.assert_allclose(run(chain(kind, **named), IMAGE, tmp_path), expected, rtol=1e-4, atol=1e-5)


def test_a_matrix_is_transposed_by_its_order(tmp_path):
    swapped = run(chain("Permute", order_type=PermuteOrder.H_W), IMAGE[0], tmp_path)
    np.testing.assert_array_equal(swapped, IMAGE[0].T)


ACTIVATIONS = [
    (FusedActivation.RELU, (), IMAGE.clip(0)),
    (FusedActivation.LEAKY_RELU, (0.25,), np.where(IMAGE > 0, IMAGE, IMAGE / 4)),
    (FusedActivation.CLIP, (-1.0, 2.0), IMAGE.clip(-1, 2)),
    (FusedActivation.SIGMOID, (), 1 / (1 + np.exp(-IMAGE))),
    (FusedActivation.MISH, (), IMAGE * np.tanh(softplus(IMAGE))),
    (FusedActivation.HARD_SWISH, (0.3, 0.4), hard_swish(0.3, 0.4)),
]


@pytest.mark.parametrize(("activation", "arguments", "expected"), ACTIVATIONS)
def test_activations_fused_into_a_layer(activation, arguments, expected, tmp_path):
    graph = chain(
        "ConvolutionDepthWise",
        draw=lambda size: np.ones(size, np.float32),
        num_output=2,
        kernel_w=1,
        weight_data_size=2,
        group=2,
        activation_type=activation,
        activation_params=arguments,
    )
    np.testing.assert_allclose(run(graph, IMAGE, tmp_path), expected, rtol=1e-3, atol=1e-4)


def test_the_window_of_a_convolution(tmp_path):
    named = {"kernel_h": 1, "kernel_w": 2, "dilation_h": 3, "dilation_w": 2, "stride_h": 2, "stride_w": 3}
    sides = {"pad_top": 1, "pad_bottom": 2, "pad_left": 3, "pad_right": 4, "pad_value": 7.0}
    graph = chain(
        "Convolution",
        draw=lambda size: np.array([10, 1], np.float32),
        num_output=1,
        weight_data_size=2,
        **named,
        **sides,
    )
    wide = np.pad(IMAGE[:1], ((0, 0), (1, 2), (3, 4)), constant_values=7)
    expected = 10 * wide[:, ::2, :-2:3] + wide[:, ::2, 2::3]
    np.testing.assert_allclose(run(graph, IMAGE[:1], tmp_path), expected, rtol=1e-4)


def test_the_matrices_of_a_gemm(tmp_path):
    weights, bias = np.arange(12, dtype=np.float32).reshape(2, 6), np.array([3, -4], np.float32)
    arrays = iter([weights.ravel(), bias])
    graph = chain(
        "Gemm",
        draw=lambda size: next(arrays),
        trans_b=1,
        constant_b=1,
        constant_c=1,
        constant_n=2,
        constant_k=6,
        constant_broadcast_type_c=param_ids.BroadcastTypeC.N,
        alpha=2.0,
    )
    np.testing.assert_allclose(run(graph, IMAGE[0], tmp_path), 2 * (IMAGE[0] @ weights.T + bias), rtol=1e-4)


def test_the_shape_of_a_constant(tmp_path):
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("MemoryData", "data", "", "1", draw=lambda size: IMAGE.ravel(), w=6, h=5, c=2),
            layer("BinaryOp", "add", "in0 1", "out0", op_type=Operation.ADD),
        )
    )
    np.testing.assert_allclose(run(graph, IMAGE, tmp_path), 2 * IMAGE, rtol=1e-6)


def _is_number(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _numbered(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and any(map(_is_number, node.keys))


def _attribute(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


def naked_numbers(source: str) -> list[int]:
    """The lines of a module in which a parameter is a number: read, looked up, or given to a layer."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            first = node.args[0] if node.args else None
            getter = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
            reads = _attribute(node.func) == "param" or (getter and _attribute(node.func.value) == "params")
            given = [each.value for each in node.keywords if each.arg == "params"]
            given += node.args if isinstance(node.func, ast.Name) and node.func.id == "Layer" else []
            terms = isinstance(node.func, ast.Name) and node.func.id in ("raw", "raw_int8", "tagged")
            wrong = (reads and _is_number(first)) or any(map(_numbered, given))
            wrong |= terms and any(map(_is_number, [*node.args, *(each.value for each in node.keywords)]))
        elif isinstance(node, ast.Subscript):
            wrong = _attribute(node.value) == "params" and _is_number(node.slice)
        elif isinstance(node, ast.Dict):
            extends = any(key is None for key in node.keys)  # {**layer.params, 8: 2}
            wrong = extends and _numbered(node)
        else:
            continue
        if wrong:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "line",
    [
        "layer.param(8)",
        "layer.param(7, 1)",
        "layer.params[10]",
        "layer.params.get(10, ())",
        "replace(layer, params={8: 2})",
        "replace(layer, params={**layer.params, 8: 2})",
        'Layer("ReLU", "x", (), (), {0: 0.1})',
        'raw("bias", 0, when=Convolution.BIAS_TERM)',
        'raw("bias", Convolution.NUM_OUTPUT, when=5)',
    ],
)
def test_a_naked_number_is_found(line):
    assert naked_numbers(line) == [1] * len(naked_numbers(line)) != []


@pytest.mark.parametrize(
    "line",
    [
        "layer.param(Gemm.TRANS_B)",
        "snakemake.params.spec",
        "{1: 'a'}",
        "layer.params.get(key, 0)",
        "record.get(1)",
    ],
)
def test_other_numbers_are_not(line):
    assert naked_numbers(line) == []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(PROJECT)))
def test_no_parameter_is_a_number(file):
    assert naked_numbers(file.read_text()) == [], "write it by its name in zoo/ncnn/param_ids.py"
