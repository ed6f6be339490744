"""Centring leaves the model's outputs as they are, by a pass where it is not free; else it is refused."""

from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import check_graph, layer, normal, parameters, run
from zoo.errors import ZooError
from zoo.ncnn.graph import Graph, write_graph
from zoo.quantize.centring import centre, centred_blobs, clipped_input, shift_name
from zoo.quantize.forms.gelu import tanh_gelu
from zoo.runners.ncnn_runner import NcnnRunner

CLIP = parameters("Convolution", activation_type=3, activation_params=(0.0, 1.5))
RELU = parameters("Convolution", activation_type=1)


def pair(activation, reader=None, between=(), maker="Convolution"):
    """in0 of 3 x 6 x 6 -> a layer with an activation -> … -> a layer `y`."""
    draw = normal(3)
    depthwise = {7: 3} if maker == "ConvolutionDepthWise" else {}
    size = 27 if depthwise else 81
    first = layer(maker, "x", "in0", "1", {0: 3, 1: 3, 4: 1, 5: 1, 6: size, **depthwise, **activation}, draw)
    blob = "1"
    middle = []
    for kind, params in between:
        middle.append(layer(kind, f"{kind}_", blob, f"{blob}_", params))
        blob = f"{blob}_"
    kind, params = reader or (
        "Convolution",
        parameters("Convolution", num_output=4, kernel_w=1, bias_term=1, weight_data_size=12),
    )
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            first,
            *middle,
            layer(kind, "y", blob, "out0", params, draw),
        )
    )


IMAGE = 3 * normal(1)(108).reshape(3, 6, 6)

CASES = [
    pair(CLIP),
    pair(RELU),
    pair(CLIP, maker="ConvolutionDepthWise"),
    pair(
        CLIP,
        (
            "Convolution",
            parameters("Convolution", num_output=4, kernel_w=1, bias_term=0, weight_data_size=12),
        ),
    ),
    pair(
        CLIP,
        (
            "Convolution",
            parameters("Convolution", num_output=4, kernel_w=2, stride_w=2, bias_term=1, weight_data_size=48),
        ),
    ),
    pair(
        RELU,
        ("InnerProduct", parameters("InnerProduct", num_output=4, bias_term=1, weight_data_size=12)),
        [("Pooling", parameters("Pooling", pooling_type=1, global_pooling=1))],
    ),
    pair(
        CLIP,
        ("InnerProduct", parameters("InnerProduct", num_output=4, bias_term=0, weight_data_size=12)),
        [
            ("Pooling", parameters("Pooling", pooling_type=1, global_pooling=1)),
            ("Reshape", parameters("Reshape", w=-1)),
        ],
    ),
]


@pytest.mark.parametrize("graph", CASES)
@pytest.mark.parametrize("offset", [0.75, -2.0])
def test_the_output_stays_the_same(graph, offset, tmp_path):
    centred = centre(graph, "y", offset)
    assert check_graph(centred) == []
    exact = run(graph, IMAGE, tmp_path)
    np.testing.assert_allclose(run(centred, IMAGE, tmp_path), exact, atol=1e-5 * np.abs(exact).max())


def test_the_range_moves():
    graph = centre(pair(CLIP), "y", 0.75)
    assert clipped_input(pair(CLIP), "y") == ("x", 0.0, 1.5)
    assert clipped_input(graph, "y") == ("x", -0.75, 0.75)
    again = clipped_input(centre(pair(RELU), "y", 0.75), "y")
    assert again.low == -0.75 and again.high == np.finfo(np.float32).max


POINTWISE = (
    "Convolution",
    parameters("Convolution", num_output=4, kernel_w=1, bias_term=1, weight_data_size=12),
)
HEAD = ("InnerProduct", parameters("InnerProduct", num_output=4, bias_term=1, weight_data_size=12))
WITH_A_PASS = [
    pair({}, between=[("GELU", {})]),
    pair(
        {},
        (
            "Convolution",
            parameters("Convolution", num_output=4, kernel_w=2, stride_w=2, bias_term=0, weight_data_size=48),
        ),
        [("Swish", {})],
    ),
    pair(
        {},
        between=[
            ("HardSwish", parameters("HardSwish", alpha=1 / 6, beta=0.5)),
            ("Permute", parameters("Permute", order_type=1)),
        ],
    ),
    pair({}, between=[("Clip", parameters("Clip", min=0.0, max=6.0))]),
    pair(parameters("Convolution", activation_type=5)),
    pair({}, HEAD, [("GELU", {}), ("Pooling", parameters("Pooling", pooling_type=1, global_pooling=1))]),
    pair(CLIP, HEAD, [("Pooling", parameters("Pooling", pooling_type=0, global_pooling=1))]),
]


@pytest.mark.parametrize("graph", WITH_A_PASS)
@pytest.mark.parametrize("offset", [0.75, -2.0])
def test_a_binaryop_before_the_reader_subtracts_what_no_clip_can(graph, offset, tmp_path):
    assert clipped_input(graph, "y") is None
    centred = centre(graph, "y", offset)
    assert check_graph(centred) == []
    (subtract,) = centred.of_type("BinaryOp")
    assert subtract.name == shift_name("y") and centred["y"].inputs == subtract.outputs
    exact = run(graph, IMAGE, tmp_path)
    np.testing.assert_allclose(run(centred, IMAGE, tmp_path), exact, atol=1e-5 * np.abs(exact).max())


def shared() -> Graph:
    """in0 -> GELU -> two layers, of which `y` is one -> their sum."""
    draw = normal(3)
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("GELU", "gelu", "in0", "1"),
            layer("Split", "split", "1", "a b"),
            layer(POINTWISE[0], "y", "a", "c", POINTWISE[1], draw),
            layer(POINTWISE[0], "z", "b", "d", POINTWISE[1], draw),
            layer("BinaryOp", "sum", "c d", "out0", op_type=0),
        )
    )


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("change", [lambda graph: graph, tanh_gelu], ids=["erf", "tanh"])
def test_another_reader_of_the_blob_sees_what_it_saw(change, device, tmp_path, request):
    if device == "gpu":
        request.getfixturevalue("vulkan")
    graph = change(shared())
    found = []
    for each in (graph, centre(graph, "y", 0.75)):
        write_graph(each, tmp_path / "x.param", tmp_path / "x.bin")
        runner = NcnnRunner(tmp_path / "x.param", tmp_path / "x.bin", device, 1, precision="fp32")
        found.append(next(iter(runner.blobs((IMAGE,), ["out0"])))[1])
    np.testing.assert_allclose(found[1], found[0], atol=1e-5 * np.abs(found[0]).max())


@pytest.mark.parametrize(
    "padding", [parameters("Convolution", pad_left=1), parameters("Convolution", pad_left=0, pad_right=1)]
)
def test_a_reader_that_pads_cannot_take_the_constant_back(padding):
    graph = pair(CLIP, ("Convolution", {0: 4, 1: 3, 5: 1, 6: 108, **padding}))
    assert clipped_input(graph, "y") is None
    with pytest.raises(ZooError, match=r"layer y .*: its input cannot be shifted"):
        centre(graph, "y", 1.0)


def test_an_activation_without_limits_is_no_range():
    for graph in (pair({}), pair(parameters("Convolution", activation_type=4))):
        assert clipped_input(graph, "y") is None


def test_another_reader_makes_it_cost_a_pass():
    graph = pair(CLIP)
    split = layer("Split", "split", "1", "a b")
    layers = list(graph.layers)
    layers[2] = replace(layers[2], inputs=("a",), outputs=("c",))
    graph = Graph((*layers[:2], split, layers[2], layer("BinaryOp", "mul", "b c", "out0", op_type=2)))
    assert clipped_input(graph, "y") is None
    assert shift_name("y") in centre(graph, "y", 0.75)


@pytest.mark.parametrize("case", CASES)
def test_the_blobs_that_lack_the_constant_are_those_that_compute_less(case, tmp_path):
    moved = centre(case, "y", 0.75)
    blobs = centred_blobs(moved, "y")
    inputs = [layer.outputs[0] for layer in case.layers[1:-1]]
    for blob in [blob for blob in inputs if blob in moved.blobs]:
        before, after = (dict(run_blobs(graph, [blob], tmp_path))[blob] for graph in (case, moved))
        np.testing.assert_allclose(after + (0.75 if blob in blobs else 0.0), before, atol=1e-4)


def test_no_blob_lacks_the_constant_where_a_pass_subtracts_it():
    gelu = pair({}, between=[("GELU", {})])
    assert centred_blobs(centre(gelu, "y", 0.5), "y") == ()


def run_blobs(graph, names, folder):
    write_graph(graph, folder / "a.param", folder / "a.bin")
    runner = NcnnRunner(folder / "a.param", folder / "a.bin", "cpu", 1, "fp32")
    return [(name, values.copy()) for name, values in runner.blobs((IMAGE,), names)]
