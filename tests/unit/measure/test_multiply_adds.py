"""Multiply-adds of layers, against weights times output positions."""

from samples.artifacts import pair
from samples.ncnn import small_network, two_headed
from zoo.measure.multiply_adds import multiply_adds


def test_multiply_adds_are_weights_times_output_positions(tmp_path):
    height, width = 8, 8
    counts = multiply_adds(pair(small_network(), tmp_path), [(3, height, width)])
    assert counts == {"conv": 108 * height * width, "dw": 36 * height * width, "fc": 20}


def test_a_model_of_two_inputs_is_counted(tmp_path):
    counts = multiply_adds(pair(two_headed(), tmp_path), [(3, 8, 8), (6,)])
    assert counts == {"conv": 108 * 64, "fc": 20, "side": 30}
