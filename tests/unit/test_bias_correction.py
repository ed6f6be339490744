"""Bias correction: the mean output of the int8 layer is that of the float layer."""

from pathlib import Path

import numpy as np
import pytest
from statistics_samples import statistics_of

from zoo.bias_correction import correct_biases
from zoo.calibration import CalibrationStatistics
from zoo.errors import ZooError
from zoo.int8 import quantize
from zoo.ncnn_bin import Storage, array
from zoo.ncnn_graph import Graph
from zoo.ncnn_layers import Layer
from zoo.recipe import make_table


def convolution(outputs: int, channels: int, kernel: int, pad: int = 0) -> Graph:
    random = np.random.default_rng(0)
    size = outputs * channels * kernel**2
    params = {0: outputs, 1: kernel, 4: pad, 5: 1, 6: size}
    weights = {
        "weight": array(random.standard_normal(size), Storage.FP32),
        "bias": array(random.standard_normal(outputs), Storage.RAW),
    }
    return Graph(
        (Layer("Input", "in0", (), ("in0",)), Layer("Convolution", "c", ("in0",), ("out0",), params, weights))
    )


def statistics(mean: np.ndarray) -> CalibrationStatistics:
    """Of an input with this mean in each channel."""
    spread = np.array([[-1], [1]]) * np.linspace(0.5, 1, mean.size)
    return statistics_of({"c": (mean + spread).astype(np.float32)})


@pytest.mark.parametrize("kernel", [1, 2])
def test_a_constant_input_at_the_mean_gives_the_float_output(kernel: int):
    graph, mean = convolution(5, 7, kernel), np.linspace(0.5, 3, 7)
    known = statistics(mean)
    quantized = quantize(graph, make_table(graph, known))
    layer = correct_biases(graph, quantized, known)["c"]
    taps = np.repeat(mean, kernel**2)  # the input, where every channel is constant at its mean
    weight = graph["c"].weights["weight"].floats().reshape(5, -1)
    rounded = layer.weights["weight"].values.reshape(5, -1) / layer.weights["weight_scales"].floats()[:, None]
    expected = weight @ taps + graph["c"].weights["bias"].floats()
    np.testing.assert_allclose(rounded @ taps + layer.weights["bias"].floats(), expected, atol=1e-5)
    uncorrected = rounded @ taps + quantized["c"].weights["bias"].floats()
    assert np.abs(uncorrected - expected).max() > 1e-3, "there was something to correct"


def test_padded_and_float_layers_are_left_alone():
    padded = convolution(5, 7, 3, pad=1)
    known = statistics(np.ones(7))
    quantized = quantize(padded, make_table(padded, known))
    assert correct_biases(padded, quantized, known)["c"] is quantized["c"]
    assert correct_biases(padded, padded, known)["c"] is padded["c"]


def test_statistics_of_another_model_are_refused(tmp_path: Path):
    graph = convolution(5, 7, 1)
    quantized = quantize(graph, make_table(graph, statistics(np.ones(7))))
    with pytest.raises(ZooError, match="lack"):
        correct_biases(graph, quantized, CalibrationStatistics(1, {}, {}, None))
