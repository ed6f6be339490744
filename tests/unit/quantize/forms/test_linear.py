"""Linear layers on rows in their other forms: exact, and refused where they are not linear."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from samples.ncnn import check_graph, layer, normal, parameters, run
from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.quantize.forms.linear import as_convolutions, is_linear, linear_rows, to_gemm, transposition_names

LINEAR = {
    "gemm": (
        "Gemm",
        parameters(
            "Gemm",
            trans_b=1,
            constant_b=1,
            constant_c=1,
            constant_m=5,
            constant_n=6,
            constant_k=7,
            constant_broadcast_type_c=4,
        ),
    ),
    "gemm, weights the other way": (
        "Gemm",
        parameters(
            "Gemm", constant_b=1, constant_c=1, constant_n=6, constant_k=7, constant_broadcast_type_c=4
        ),
    ),
    "gemm without bias": (
        "Gemm",
        parameters(
            "Gemm",
            trans_b=1,
            constant_b=1,
            constant_c=1,
            constant_n=6,
            constant_k=7,
            constant_broadcast_type_c=-1,
        ),
    ),
    "inner product": (
        "InnerProduct",
        parameters("InnerProduct", num_output=6, bias_term=1, weight_data_size=42),
    ),
    "inner product without bias": (
        "InnerProduct",
        parameters("InnerProduct", num_output=6, weight_data_size=42),
    ),
}


def single(kind: str, params: dict) -> Graph:
    return Graph((layer("Input", "in0", "", "in0"), layer(kind, "x", "in0", "out0", params)))


def expected(linear: Layer, rows: np.ndarray) -> np.ndarray:
    """What torch makes of it, told from the arrays alone."""
    weight = linear.weights["B" if linear.type == "Gemm" else "weight"].values
    weight = (
        weight.reshape(6, 7) if linear.type == "InnerProduct" or linear.param(3) else weight.reshape(7, 6).T
    )
    bias = linear.weights.get("C", linear.weights.get("bias"))
    tensors = (torch.from_numpy(np.array(each)) for each in (rows, weight))
    return torch.nn.functional.linear(
        *tensors, None if bias is None else torch.from_numpy(bias.values)
    ).numpy()


@pytest.mark.parametrize(
    "form", [lambda g: g, lambda g: as_convolutions(g, ["x"]), lambda g: g.replace(to_gemm(g["x"]))]
)
@pytest.mark.parametrize("case", LINEAR)
def test_every_form_computes_what_torch_does(case, form, tmp_path):
    graph = single(*LINEAR[case])
    changed = form(graph)
    assert check_graph(changed) == []
    for count in (5, 1):  # rows
        rows = normal(3)(count * 7).reshape(count, 7)
        output = run(changed, rows, tmp_path)
        assert output.shape == (count, 6)
        np.testing.assert_allclose(output, expected(graph["x"], rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (
            "Gemm",
            parameters(
                "Gemm",
                trans_a=1,
                trans_b=1,
                constant_b=1,
                constant_c=1,
                constant_n=6,
                constant_k=7,
                constant_broadcast_type_c=4,
            ),
        ),  # transposed input
        (
            "Gemm",
            parameters(
                "Gemm",
                trans_b=1,
                constant_b=1,
                constant_c=1,
                constant_n=6,
                constant_k=7,
                constant_broadcast_type_c=4,
                output_transpose=1,
            ),
        ),  # transposed output
        (
            "Gemm",
            parameters(
                "Gemm",
                trans_b=1,
                constant_b=1,
                constant_c=1,
                constant_m=5,
                constant_n=6,
                constant_k=7,
                constant_broadcast_type_c=1,
            ),
        ),  # a bias by row
        (
            "Gemm",
            parameters(
                "Gemm",
                alpha=0.5,
                trans_b=1,
                constant_b=1,
                constant_c=1,
                constant_n=6,
                constant_k=7,
                constant_broadcast_type_c=4,
            ),
        ),  # a factor
        (
            "Gemm",
            parameters(
                "Gemm",
                trans_b=1,
                constant_a=1,
                constant_c=1,
                constant_m=6,
                constant_k=7,
                constant_broadcast_type_c=4,
                constant_n=5,
            ),
        ),  # constant A
        (
            "Gemm",
            parameters(
                "Gemm",
                trans_b=1,
                constant_b=1,
                constant_c=1,
                constant_n=6,
                constant_k=7,
                constant_broadcast_type_c=4,
                quantize_term=800,
            ),
        ),  # int8
        (
            "InnerProduct",
            parameters("InnerProduct", num_output=6, bias_term=1, weight_data_size=42, activation_type=1),
        ),  # with a ReLU
        ("Convolution", parameters("Convolution", num_output=6, kernel_w=1, weight_data_size=42)),
    ],
)
def test_what_is_not_linear_is_refused(kind, params):
    graph = single(kind, params)
    assert not is_linear(graph["x"])
    with pytest.raises(ZooError, match=rf"layer x \({kind}\): not a product with constant weights"):
        as_convolutions(graph, ["x"])
    with pytest.raises(ZooError, match="not a product"):
        linear_rows(graph["x"])


def test_a_gemm_of_two_blobs_is_refused():
    assert not is_linear(layer("Gemm", "x", "a b", "c", trans_b=1, constant_n=6, constant_k=7))
    assert not is_linear(layer("Gemm", "x", "a b", "c", trans_b=1, constant_b=1, constant_n=6, constant_k=7))


def block() -> Graph:
    """Norm -> three projections of copies -> their sum -> MLP with GELU -> sum."""
    draw = normal(1)

    def gemm(name: str, blob: str, to: str, width: int, outputs: int) -> Layer:
        return layer(
            "Gemm",
            name,
            blob,
            to,
            draw=draw,
            trans_b=1,
            constant_b=1,
            constant_c=1,
            constant_n=outputs,
            constant_k=width,
            constant_broadcast_type_c=4,
        )

    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("LayerNorm", "norm", "in0", "1", draw=draw, affine_size=8, eps=1e-6),
            layer("Split", "split", "1", "2 3 4"),
            gemm("q", "2", "5", 8, 8),
            gemm("k", "3", "6", 8, 8),
            gemm("v", "4", "7", 8, 8),
            layer("BinaryOp", "add", "5 6", "8", op_type=0),
            layer("BinaryOp", "mul", "8 7", "9", op_type=2),
            gemm("fc1", "9", "10", 8, 32),
            layer("GELU", "gelu", "10", "11"),
            gemm("fc2", "11", "out0", 32, 8),
        )
    )


def ending(graph: Graph, blob: str) -> Graph:
    """The graph up to a blob."""
    at = next(index for index, each in enumerate(graph.layers) if blob in each.outputs)
    last = graph.layers[at]
    return Graph(
        (*graph.layers[:at], replace(last, outputs=tuple("out0" if b == blob else b for b in last.outputs)))
    )


@pytest.mark.parametrize(
    ("names", "transpositions"),
    [
        (["q", "k", "v", "fc1", "fc2"], 6),
        (["fc1", "fc2"], 2),
        (["fc2"], 2),
        (["q", "k"], 4),
        (["q", "k", "v"], 4),
    ],
)
def test_blobs_are_transposed_no_more_often_than_needed(names, transpositions, tmp_path):
    graph = block()
    changed = as_convolutions(graph, names)
    assert check_graph(changed) == []
    if names == ["fc2"]:
        assert {each.name for each in changed.layers} - {each.name for each in graph.layers} == {
            *transposition_names("fc2")
        }
    assert len(changed.of_type("Permute")) == len(changed.of_type("Reshape")) == transpositions
    assert {each.name for each in changed.of_type("Convolution")} == set(names)
    rows = normal(5)(6 * 8).reshape(6, 8)
    for blob in ("9", "10", "11"):  # of the same name, so of the same shape
        if blob in changed.blobs:
            shapes = [run(ending(each, blob), rows, tmp_path).shape for each in (graph, changed)]
            assert shapes[0] == shapes[1]
    np.testing.assert_allclose(run(changed, rows, tmp_path), run(graph, rows, tmp_path), rtol=1e-4, atol=1e-4)


def test_half_precision_weights_become_float():
    (_, gemm) = single(*LINEAR["gemm"]).layers
    halves = {"B": array(gemm.weights["B"].values, Storage.FP16), "C": gemm.weights["C"]}
    changed = as_convolutions(
        Graph(
            (
                Layer("Input", "in0", (), ("in0",)),
                Layer(gemm.type, "x", gemm.inputs, gemm.outputs, gemm.params, halves),
            )
        ),
        ["x"],
    )
    assert changed["x"].weights["weight"].storage is Storage.FP32
