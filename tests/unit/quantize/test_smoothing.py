"""Smoothing through a LayerNorm leaves the outputs as they are."""

import numpy as np
import pytest

from samples.ncnn import layer, normal, run
from zoo.errors import ZooError
from zoo.ncnn.graph import Graph
from zoo.quantize.smoothing import norm_before, smooth, smoothed_blobs


def convolution(after="4"):
    """in0 of h, w, channels -> LayerNorm -> Permute -> convolution `y`."""
    draw = normal(2)
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("LayerNorm", "norm", "in0", "1", draw=draw, affine_size=7, eps=1e-6, affine=1),
            layer("Permute", "permute", "1", "2", order_type=4),
            layer(
                "Convolution",
                "y",
                "2",
                "out0",
                draw=draw,
                num_output=4,
                kernel_w=2,
                bias_term=1,
                weight_data_size=112,
            ),
        )
    )


def inner_product():
    draw = normal(2)
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("LayerNorm", "norm", "in0", "1", draw=draw, affine_size=7, eps=1e-6, affine=1),
            layer(
                "InnerProduct", "y", "1", "out0", draw=draw, num_output=4, bias_term=1, weight_data_size=28
            ),
        )
    )


@pytest.mark.parametrize(("graph", "shape"), [(convolution(), (5, 6, 7)), (inner_product(), (7,))])
def test_the_output_stays_the_same(graph, shape, tmp_path):
    image = normal(1)(int(np.prod(shape))).reshape(shape)
    by = np.geomspace(0.01, 1, 7)
    smoothed = smooth(graph, "y", by)
    exact = run(graph, image, tmp_path)
    np.testing.assert_allclose(run(smoothed, image, tmp_path), exact, atol=1e-5 * np.abs(exact).max())
    ratio = graph["norm"].weights["gamma"].floats() / smoothed["norm"].weights["gamma"].floats()
    np.testing.assert_allclose(ratio, by, rtol=1e-6)


def test_other_layers_between_or_beside_forbid_it():
    graph = inner_product()
    gelu = layer("GELU", "gelu", "1", "2")
    blocked = Graph(
        (*graph.layers[:2], gelu, layer("InnerProduct", "y", "2", "out0", num_output=4, weight_data_size=28))
    )
    assert norm_before(blocked, "y") is None
    with pytest.raises(ZooError, match="no LayerNorm before it"):
        smooth(blocked, "y", np.ones(7))
    split = layer("Split", "split", "1", "2 3")
    shared = Graph(
        (*graph.layers[:2], split, layer("InnerProduct", "y", "2", "out0", num_output=4, weight_data_size=28))
    )
    assert norm_before(shared, "y") is None


def test_a_norm_over_something_else_than_channels_is_refused():
    with pytest.raises(ZooError, match="normalizes 7 values, not the 14 channels"):
        smooth(convolution(), "y", np.ones(14))


def test_the_blobs_that_are_divided_are_those_from_the_norm_on():
    assert smoothed_blobs(convolution(), "y") == ("2", "1")
    assert smoothed_blobs(inner_product(), "y") == ("1",)
