"""Bias correction: the mean output of the int8 layer is that of the float layer."""

import numpy as np
import pytest

from samples.ncnn import layer
from samples.statistics import statistics_of
from zoo.calibration.layer_input import LayerInput
from zoo.quantize.bias_correction import correct_bias
from zoo.quantize.local_error import round_input
from zoo.quantize.scales import weight_rows


@pytest.mark.parametrize("bias", [0, 1])
@pytest.mark.parametrize("offset", [0.0, 1.5])
def test_the_mean_output_is_that_of_the_float_layer(bias, offset):
    random = np.random.default_rng(0)
    convolution = layer(
        "Convolution", "c", "in0", "out0", num_output=5, kernel_w=1, bias_term=bias, weight_data_size=35
    )
    columns = (random.standard_normal((400, 7)) + np.linspace(0.5, 3, 7)).astype(np.float32)
    source = LayerInput.of(statistics_of({"c": columns}), "c").shifted(offset)
    rows = weight_rows(convolution).astype(np.float64)
    step = np.full(7, 0.03)  # 127 steps clip some of the input
    rounded = np.rint(rows * step / 0.001) * 0.001
    corrected = correct_bias(convolution, rows, rounded, step, source).weights["bias"].floats()

    moved = columns - np.float32(offset)
    start = convolution.weights["bias"].floats() if bias else np.zeros(5)
    exact = (moved @ rows.T).mean(axis=0) + start
    output = (round_input(moved, step) @ rounded.T).mean(axis=0)
    np.testing.assert_allclose(output + corrected, exact, atol=1e-5)
    assert np.abs(output + start - exact).max() > 1e-2, "there was something to correct"
