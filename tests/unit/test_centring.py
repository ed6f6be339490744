"""Centring leaves the model's outputs as they are, and is refused where it would not."""

from dataclasses import replace

import numpy as np
import pytest
from ncnn_samples import layer, normal, run

from zoo.centring import centre, clipped_input
from zoo.errors import ZooError
from zoo.ncnn_check import check_graph
from zoo.ncnn_graph import Graph

CLIP = {9: 3, 10: (0.0, 1.5)}
RELU = {9: 1}


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
    kind, params = reader or ("Convolution", {0: 4, 1: 1, 5: 1, 6: 12})
    return Graph(
        (
            layer("Input", "in0", "", "in0", {}),
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
    pair(CLIP, ("Convolution", {0: 4, 1: 1, 5: 0, 6: 12})),
    pair(CLIP, ("Convolution", {0: 4, 1: 2, 3: 2, 5: 1, 6: 48})),
    pair(RELU, ("InnerProduct", {0: 4, 1: 1, 2: 12}), [("Pooling", {0: 1, 4: 1})]),
    pair(CLIP, ("InnerProduct", {0: 4, 1: 0, 2: 12}), [("Pooling", {0: 1, 4: 1}), ("Reshape", {0: -1})]),
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


REFUSED = [
    pair(CLIP, ("Convolution", {0: 4, 1: 3, 4: 1, 5: 1, 6: 108})),
    pair(CLIP, ("Convolution", {0: 4, 1: 3, 4: 0, 15: 1, 5: 1, 6: 108})),
    pair({}),
    pair({9: 4}),
    pair(CLIP, between=[("GELU", {})]),
    pair(CLIP, ("InnerProduct", {0: 4, 1: 1, 2: 12}), [("Pooling", {0: 0, 4: 1})]),
]


@pytest.mark.parametrize("graph", REFUSED)
def test_what_would_change_the_output_is_refused(graph):
    assert clipped_input(graph, "y") is None
    with pytest.raises(ZooError, match=r"layer y .*: no shift is free"):
        centre(graph, "y", 1.0)


def test_another_reader_forbids_it():
    graph = pair(CLIP)
    split = layer("Split", "split", "1", "a b", {})
    layers = list(graph.layers)
    layers[2] = replace(layers[2], inputs=("a",), outputs=("c",))
    graph = Graph((*layers[:2], split, layers[2], layer("BinaryOp", "mul", "b c", "out0", {0: 2})))
    assert clipped_input(graph, "y") is None
