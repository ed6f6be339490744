"""Convolutions as Gemm on columns: what ncnn computes stays, edges and activations included."""

from dataclasses import replace

import numpy as np
import pytest

from samples import convnet, convnext
from samples.ncnn import check_graph, layer, normal, run
from zoo.ncnn.graph import Graph
from zoo.ncnn.param_ids import Convolution, FusedActivation, PoolMethod
from zoo.quantize.forms.columns import (
    as_columns,
    can_be_columns,
    fits_columns,
    merge_transpositions,
    window,
)
from zoo.search.planning import column_plans, local_recipe


def convolution(side: int = 1, channels: int = 3, **named: object) -> Graph:
    sizes = {"num_output": 5, "kernel_w": side, "stride_w": side, "weight_data_size": 5 * channels * side**2}
    return Graph(
        (layer("Input", "in0", "", "in0"), layer("Convolution", "x", "in0", "out0", **sizes | named))
    )


def forms(graph: Graph, *names: str) -> tuple[Graph, Graph]:
    columns = as_columns(graph, names)
    return columns, merge_transpositions(columns, names)


def assert_same(graph: Graph, image: np.ndarray, folder, *names: str) -> None:
    expected = run(graph, image, folder)
    for other in forms(graph, *names):
        assert check_graph(other) == []
        got = run(other, image, folder)
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("side", [1, 2, 3, 4])
@pytest.mark.parametrize("bias", [0, 1])
@pytest.mark.parametrize("size", [(12, 12), (13, 18), (4, 7)])
def test_ncnn_computes_the_same_and_leaves_out_what_is_no_whole_window(side, bias, size, tmp_path):
    image = normal(3)(3 * size[0] * size[1]).reshape(3, *size)
    assert_same(convolution(side, bias_term=bias), image, tmp_path, "x")


@pytest.mark.parametrize(
    "activation",
    [
        {"activation_type": FusedActivation.RELU},
        {"activation_type": FusedActivation.CLIP, "activation_params": (-0.5, 1.0)},
    ],
)
def test_a_fused_activation_comes_after_it(activation, tmp_path):
    assert_same(convolution(2, **activation), normal(3)(3 * 64).reshape(3, 8, 8), tmp_path, "x")


def test_no_blob_is_transposed_in_the_end():
    columns, merged = forms(convolution(2), "x")
    assert [each.type for each in merged.layers] == ["Input", "Reorg", "Split", "Reshape", "Gemm", "Reshape"]
    assert len(columns.of_type("Permute")) == 2


def test_several_in_one_network(tmp_path):
    ((_, image),) = convnet.pictures(1, 1)
    assert_same(convnet.network(), image, tmp_path, "fc1", "fc2")
    ((_, image),) = convnext.pictures(1, 1)
    assert_same(convnext.network(), image, tmp_path, "stem", "down", "a_fc1")


@pytest.mark.parametrize(
    "named",
    [
        {"kernel_w": 3, "stride_w": 2, "weight_data_size": 135},
        {"kernel_w": 2, "stride_w": 2, "kernel_h": 1, "weight_data_size": 30},
        {"stride_w": 2},
        {"stride_h": 2},
        {"pad_left": 1},
        {"pad_bottom": 1},
        {"kernel_w": 2, "stride_w": 2, "dilation_w": 2, "weight_data_size": 60},
        {"int8_scale_term": 2},
    ],
)
def test_windows_that_overlap_leave_gaps_or_pad_are_left_alone(named):
    graph = convolution(**named)
    assert window(graph["x"]) == 0 and not can_be_columns(graph["x"])
    assert as_columns(graph, ["x"]).layers == graph.layers


def test_an_activation_that_is_no_layer_of_its_own_here_stays():
    graph = convolution(activation_type=FusedActivation.MISH)
    assert not can_be_columns(graph["x"]) and as_columns(graph, ["x"]).layers == graph.layers
    without = replace(graph["x"], params={**graph["x"].params, Convolution.ACTIVATION_TYPE: 0})
    assert can_be_columns(without) and not can_be_columns(replace(without, weights={}))


def test_what_a_global_pooling_makes_is_no_image_to_the_form(tmp_path):
    """As in squeeze and excitation: a convolution of the pooled channels, and one of the pixels."""
    sizes = {"num_output": 4, "kernel_w": 1, "weight_data_size": 16}
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Convolution", "pixels", "in0", "1", **sizes),
            layer("Pooling", "pool", "1", "2", pooling_type=PoolMethod.AVE, global_pooling=1),
            layer("Convolution", "pooled", "2", "out0", **sizes),
        )
    )
    images = [(str(number), normal(number)(4 * 64).reshape(4, 8, 8)) for number in range(4)]
    seen = convnet.statistics_of(graph, images, tmp_path)
    assert [each.name for each in graph.layers if fits_columns(each, seen)] == ["pixels"]
    plans = column_plans(graph, seen, local_recipe(graph, seen))
    assert set(plans) == {"pixels"}
    assert_same(graph, images[0][1], tmp_path, *plans)
