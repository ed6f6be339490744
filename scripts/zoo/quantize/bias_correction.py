"""Bias correction: take back the mean error that quantization puts on each output channel of a layer.

Rounded weights w' and inputs q(x) give the output an expected error of sum_c w'_c E[q(x_c)] - w_c E[x_c]. For
inputs that are not centred, such as those after a ReLU, it is the largest part of the error; subtracting it
from the bias costs nothing at run time. Source: Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019, section 4.2, with means measured on calibration images.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles
from zoo.calibration.layer_input import LayerInput
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.layer import Layer
from zoo.quantize.centring import with_bias
from zoo.quantize.local_error import round_input


def correct_bias(
    layer: Layer, rows: NDArray[np.floating], rounded: Doubles, step: Doubles, source: LayerInput
) -> Layer:
    """The layer with its mean error taken off the bias, which it gets if it has none.

    rows, rounded: the float weights and the quantized ones, (outputs, width); the latter act on an input in
    steps of `step`, (width,). The mean of the input is that of all sampled columns, padding included; what
    rounding and clipping change in it is that of the sample that was kept.
    """
    layer = with_bias(layer)
    sample = source.sample.astype(np.float64)
    shortfall = (round_input(sample, step) * step - sample).mean(axis=0)
    acting = rounded / step
    error = (acting - rows) @ source.mean + acting @ shortfall
    bias = array(layer.weights["bias"].floats() - error, Storage.RAW)
    return replace(layer, weights={**layer.weights, "bias": bias})
