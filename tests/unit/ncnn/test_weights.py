"""Which layers have weights, which can be int8, and how many numbers and scales these are."""

from dataclasses import replace

import numpy as np
import pytest

from samples.convnet import network
from samples.ncnn import chain, layer, small_network
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.weights import can_be_int8, layers_with_weights, row_width, scale_count, weight_count


def test_a_recipe_names_what_holds_weights():
    assert [each.name for each in layers_with_weights(network())] == ["stem", "dw", "fc1", "fc2", "head"]


def test_constants_and_norms_have_none():
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("MemoryData", "positions", "", "1", w=6, load_type=0),
            layer("BinaryOp", "add", "in0 1", "2", op_type=0),
            layer("LayerNorm", "norm", "2", "out0", affine_size=6),
        )
    )
    assert layers_with_weights(graph) == () and not any(map(can_be_int8, graph.layers))


def test_weights_are_what_is_stored_with_a_tag():
    assert weight_count(small_network()["conv"]) == 108, "its bias has no tag"
    gemm = chain(
        "Gemm", trans_b=1, constant_b=1, constant_c=1, constant_n=4, constant_k=5, constant_broadcast_type_c=4
    )
    assert weight_count(gemm["x"]) == 20 + 4


WITH_ROWS = [
    ("Convolution", {"num_output": 4, "kernel_w": 3, "weight_data_size": 108}, 27, 4),
    ("ConvolutionDepthWise", {"num_output": 8, "kernel_w": 3, "weight_data_size": 72, "group": 8}, 9, 8),
    ("ConvolutionDepthWise", {"num_output": 8, "kernel_w": 3, "weight_data_size": 144, "group": 4}, 18, 4),
    ("InnerProduct", {"num_output": 5, "weight_data_size": 35}, 7, 5),
]


@pytest.mark.parametrize(("kind", "named", "width", "scales"), WITH_ROWS)
def test_rows_and_scales(kind, named, width, scales):
    made = layer(kind, "x", "a", "b", **named)
    assert can_be_int8(made) and row_width(made) == width and scale_count(made) == scales


def test_rows_of_linear_layers_on_tokens():
    gemm = layer("Gemm", "x", "a", "b", trans_b=1, constant_b=1, constant_n=4, constant_k=5)
    attention = layer("MultiHeadAttention", "x", "a", "b", embed_dim=8, num_heads=2, weight_data_size=64)
    assert can_be_int8(gemm) and row_width(gemm) == 5
    assert can_be_int8(attention) and row_width(attention) == 8


def test_weights_that_come_in_as_blobs_stay_float():
    moving = layer(
        "Convolution", "x", "a w", "b", num_output=4, kernel_w=3, weight_data_size=108, dynamic_weight=1
    )
    cross = layer("MultiHeadAttention", "x", "q k v", "b", embed_dim=8, num_heads=2, weight_data_size=64)
    products = layer("Gemm", "x", "a c", "b", constant_a=1, constant_m=3, constant_k=5)
    assert not any(map(can_be_int8, (moving, cross, products)))


def test_the_width_is_of_the_weights_as_they_are_stored():
    fc = small_network()["fc"]
    half = replace(fc, weights={**fc.weights, "weight": array(np.zeros(20), Storage.FP16)})
    assert row_width(half) == row_width(fc) == 4
