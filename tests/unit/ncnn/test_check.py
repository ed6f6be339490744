"""Every way a pair of files can be unsound is named in a sentence."""

from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import chain, check_graph, layer, parameters, small_network
from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.check import check_files, load_checked
from zoo.ncnn.graph import Graph, write_graph


@pytest.fixture
def pair(tmp_path):
    """The small network, on disk."""
    files = tmp_path / "model.param", tmp_path / "model.bin"
    write_graph(small_network(), *files)
    return files


def problems_with(kind, params, role, place, value):
    """The problems of a graph of one layer whose array `role` holds this value at this place."""
    graph = chain(kind, params)
    weights = graph["x"].weights
    values = weights[role].values.copy()
    values[place] = value
    changed = {**weights, role: array(values, weights[role].storage)}
    return check_graph(graph.replace(replace(graph["x"], weights=changed)))


def test_a_sound_pair_has_no_problem(pair):
    assert check_files(*pair) == []
    assert check_graph(load_checked(*pair)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("7767517\n", "7767516\n", "does not start with 7767517"),
        ("\n7 8\n", "\n6 8\n", "the header counts 6 layers, there are 7"),
        ("\n7 8\n", "\n7 7\n", "the header counts 7 blobs, there are 8"),
        (" 2 1 4 3 5", " 2 1 4 7 5", "layer add (BinaryOp) reads blob 7, which no layer before it makes"),
        (
            " 2 1 4 3 5",
            " 2 1 4 2 5",
            "blob 2 is read by layer dw (ConvolutionDepthWise) and layer add (BinaryOp) without",
        ),
        (
            " 1 1 5 6",
            " 1 1 5 4",
            "blob 4 is made by layer dw (ConvolutionDepthWise) and again by layer pool (Pooling)",
        ),
        ("dw  ", "conv", "2 layers are called conv"),
        ("Input  ", "Noop   ", "there is no Input layer"),
        ("0 1 in0", "1 1 out0 in0", "every blob is read by some layer"),
        ("Pooling  ", "Puling   ", "does not have: Puling (1)"),
        (" 0=5 1=1 2=20", " 0=5 1=0 2=20", "20 bytes follow the arrays of the .param"),
        (
            " 0=5 1=1 2=20",
            " 0=5 1=1 2=30",
            "weight of layer fc (InnerProduct): 30 numbers (FP32) need 120 bytes",
        ),
    ],
)
def test_a_damaged_text_has_its_problem_named(old, new, problem, pair):
    text = pair[0].read_text()
    assert text.count(old) == 1
    pair[0].write_text(text.replace(old, new))
    problems = check_files(*pair)
    assert any(problem in each for each in problems), problems
    assert all(each.startswith((str(pair[0]), str(pair[1]))) for each in problems)
    with pytest.raises(ZooError) as caught:
        load_checked(*pair)
    assert str(caught.value) == "\n".join(problems)


def test_several_problems_are_all_named(pair):
    pair[0].write_text(pair[0].read_text().replace("\n7 8\n", "\n6 9\n"))
    pair[1].write_bytes(pair[1].read_bytes()[:-1])
    assert len(check_files(*pair)) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("kind", "params", "role"),
    [
        (
            "Convolution",
            parameters("Convolution", num_output=2, kernel_w=1, bias_term=1, weight_data_size=6),
            "weight",
        ),
        (
            "Convolution",
            parameters("Convolution", num_output=2, kernel_w=1, bias_term=1, weight_data_size=6),
            "bias",
        ),
        ("LayerNorm", parameters("LayerNorm", affine_size=4), "gamma"),
        ("Gemm", parameters("Gemm", trans_b=1, constant_b=1, constant_n=4, constant_k=5), "B"),
    ],
)
def test_weights_that_are_not_finite_are_counted(kind, params, role, value):
    (problem,) = problems_with(kind, params, role, 1, value)
    assert problem.startswith(f"layer x ({kind}): {role} holds NaN or inf (1 of ")


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
@pytest.mark.parametrize("role", ["weight_scales", "activation_scale", "top_scale"])
def test_unusable_scales_are_counted(role, value):
    (problem,) = problems_with(
        "Convolution",
        parameters("Convolution", num_output=2, kernel_w=1, weight_data_size=6, int8_scale_term=102),
        role,
        0,
        value,
    )
    assert f"{role} holds scales that are zero, negative or not finite (1 of " in problem


def test_half_precision_weights_are_looked_at():
    graph = chain("InnerProduct", num_output=2, weight_data_size=4)
    bad = array(np.array([1, 2, np.inf, 3]), Storage.FP16)
    (problem,) = check_graph(graph.replace(replace(graph["x"], weights={"weight": bad})))
    assert "weight holds NaN or inf (1 of 4, the first at 2)" in problem


def test_int8_weights_need_scales():
    graph = chain("InnerProduct", num_output=2, weight_data_size=4)
    whole = array(np.ones(4), Storage.INT8)
    (problem,) = check_graph(graph.replace(replace(graph["x"], weights={"weight": whole})))
    assert problem == "layer x (InnerProduct): weight is int8, but the layer has no scales"


@pytest.mark.parametrize(
    ("data", "sound"),
    [
        (np.array([0, -np.inf], np.float32), True),  # an attention mask
        (np.array([3, -1], np.int32).view(np.float32), True),  # indices
        (np.array([0, np.inf], np.float32), False),
        (np.array([0, np.nan], np.float32), False),
        (np.array([0, 0xFFC00000], np.uint32).view(np.float32), False),  # what x86 gives for 0/0
    ],
)
def test_constants_may_be_masks_and_integers(data, sound):
    constant = replace(layer("MemoryData", "c", "", "c", w=2), weights={"data": array(data, Storage.RAW)})
    add = layer("BinaryOp", "add", "in0 c", "out0", op_type=0)
    problems = check_graph(Graph((layer("Input", "in0", "", "in0"), constant, add)))
    assert bool(problems) != sound
