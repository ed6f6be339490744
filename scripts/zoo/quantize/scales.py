"""Post-training int8: weight scales, and an int8 ncnn graph from an fp32 one and a calibration table.

ncnn computes an int8 layer as round(x * activation_scale) · round(w * weight_scale) in integers, divided
by both scales, plus the float bias. All scales are symmetric multipliers, 127 / absmax.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Floats
from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Int8ScaleTerm, Quantizable
from zoo.ncnn.weights import LEVELS, MAX_SCALE, QUANTIZABLE, scale_count
from zoo.quantize.table import CalibrationTable, check_table

_SCALE_TERM = {
    "Convolution": Int8ScaleTerm.SHARED,  # as ncnn2int8 writes it; the scales are by channel all the same
    "ConvolutionDepthWise": Int8ScaleTerm.BY_GROUP,
    "InnerProduct": Int8ScaleTerm.SHARED,
}


def weight_rows(layer: Layer) -> Floats:
    """The float weights of a quantizable layer, shape (scales, weights per scale).

    A row is an output channel, or a group of a ConvolutionDepthWise layer. Raises ZooError if the layer
    is of another type, is int8 already, or its weights do not divide into rows.
    """
    if layer.type not in QUANTIZABLE or "weight" not in layer.weights:
        raise ZooError(f"{layer} has no weights that can be int8")
    weight = layer.weights["weight"]
    if weight.storage is Storage.INT8 or layer.param(Quantizable.INT8_SCALE_TERM):
        raise ZooError(f"{layer} is int8 already: start from the fp32 model")
    rows = scale_count(layer)
    if rows < 1 or weight.values.size % rows:
        raise ZooError(f"{layer}: {weight.values.size} weights do not divide into {rows} channels")
    return weight.floats().reshape(rows, -1)


def absmax_scales(rows: Floats) -> Floats:
    """127 / absmax of each row of an array of shape (n, m), float32 (n,).

    A row without weights to speak of (absmax so small that the scale would leave float32) gets 1, which
    quantizes it to zeros.
    """
    absmax = np.abs(rows).max(axis=1)
    dead = absmax < LEVELS / MAX_SCALE
    return np.where(dead, 1, np.float32(LEVELS) / np.where(dead, 1, absmax)).astype(np.float32)


def round_to_int8(rows: Floats, scales: Floats) -> NDArray[np.int8]:
    """round(row * scale), halves away from zero, clamped to ±127; rows (n, m), scales (n,)."""
    scaled = (rows * scales[:, None].astype(np.float32)).astype(np.float64)  # the product in float32, as ncnn
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
    return np.clip(rounded, -LEVELS, LEVELS).astype(np.int8)


def quantize(graph: Graph, table: CalibrationTable, float_storage: Literal["fp32", "fp16"] = "fp32") -> Graph:
    """The graph with the layers of the table in int8.

    graph: fp32 (or fp16), with unique layer names.
    float_storage: how the weights of the layers that stay float are stored.
    Raises ZooError with every problem if the table does not fit the graph.
    """
    if problems := check_table(table, graph):
        raise ZooError("the calibration table does not fit the model: " + "; ".join(problems))
    quantized = graph.replace(
        *(
            int8_layer(
                graph[name],
                round_to_int8(weight_rows(graph[name]), scales),
                scales,
                table.activations[name],
            )
            for name, scales in table.weights.items()
        )
    )
    return to_fp16(quantized) if float_storage == "fp16" else quantized


def int8_layer(
    layer: Layer, weights: NDArray[np.int8], weight_scales: Floats, activation_scale: float
) -> Layer:
    """The layer with these int8 weights, shaped like `weight_rows`, and the scales they come with."""
    arrays = {
        **layer.weights,
        "weight": array(weights, Storage.INT8),
        "weight_scales": array(weight_scales, Storage.RAW),
        "activation_scale": array(np.array([activation_scale]), Storage.RAW),
    }
    params = {**layer.params, Quantizable.INT8_SCALE_TERM: _SCALE_TERM[layer.type]}
    return replace(layer, params=params, weights=arrays)
