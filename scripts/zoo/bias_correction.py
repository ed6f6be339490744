"""Bias correction: take back the mean error that rounding the weights puts on each output channel.

Rounded weights w' give the output an expected error of sum_c (w'_c - w_c) E[x_c]. Inputs that are not
centred, such as those after a ReLU, make it the largest part of the error; subtracting it from the bias
costs nothing at run time. Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and
Bias Correction", 2019, section 4.2, with means measured on calibration images.
"""

from dataclasses import replace

import numpy as np

from zoo.calibration import CalibrationStatistics
from zoo.errors import ZooError
from zoo.int8 import weight_rows
from zoo.ncnn_bin import Floats, Storage, array
from zoo.ncnn_graph import Graph
from zoo.ncnn_layers import Layer

CORRECTED = ("Convolution", "InnerProduct")


def correct_biases(graph: Graph, quantized: Graph, statistics: CalibrationStatistics) -> Graph:
    """`quantized` with corrected biases; `graph` is the float original that it was made from.

    Layers without a bias, without padding (which would make the mean differ from tap to tap) and layers
    that stayed float are left as they are. Raises ZooError if the statistics lack a layer.
    """
    corrected = []
    for layer in quantized.of_type(*CORRECTED):
        if layer.weights.get("weight") is None or layer.weights["weight"].storage is not Storage.INT8:
            continue
        if "bias" in layer.weights and not _padded(layer):
            corrected.append(_corrected(graph[layer.name], layer, statistics))
    return quantized.replace(*corrected)


def _padded(layer: Layer) -> bool:
    """ncnn's Convolution: 4 is the left padding, 14, 15, 16 the others', by default equal to it."""
    left = layer.param(4)
    return layer.type == "Convolution" and any((left, *(layer.param(key, left) for key in (14, 15, 16))))


def _corrected(original: Layer, layer: Layer, statistics: CalibrationStatistics) -> Layer:
    if layer.name not in statistics.channel_mean:
        raise ZooError(f"the calibration statistics lack {layer}: they are of another model")
    mean = statistics.channel_mean[layer.name].astype(np.float64)
    rows = weight_rows(original)
    scales = layer.weights["weight_scales"].floats()[:, None]
    stored = layer.weights["weight"].values.reshape(rows.shape) / scales
    # a row holds all taps of an input channel, then those of the next
    error = (stored - rows).reshape(len(rows), mean.size, -1).sum(axis=2) @ mean
    bias = layer.weights["bias"]
    shifted: Floats = (bias.floats() - error).astype(np.float32)
    return replace(layer, weights={**layer.weights, "bias": array(shifted, bias.storage)})
