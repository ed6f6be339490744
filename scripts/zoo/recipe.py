"""The int8 recipe: which layers become int8, and with which activation scales."""

import logging

import numpy as np

from zoo.calibration import CalibrationStatistics
from zoo.errors import ZooError
from zoo.int8 import absmax_scales, weight_rows, weight_scales
from zoo.ncnn_graph import Graph
from zoo.table import CalibrationTable

INT8_TYPES = ("Convolution", "InnerProduct")
"""Depthwise convolutions stay float: ncnn has no fast int8 kernel for large ones, they hold few weights,
and leaving them float is both faster and closer to the original."""


def make_table(graph: Graph, statistics: CalibrationStatistics) -> CalibrationTable:
    """Absmax scales: per output channel for weights, per tensor for activations (127 / absmax).

    A layer whose input was zero on every image gets the scale 1 and is logged. Raises ZooError if the
    statistics are of another model.
    """
    layers = [layer.name for layer in graph.of_type(*INT8_TYPES) if "weight" in layer.weights]
    _check_same_model(graph, layers, statistics)
    activations = {}
    for name in layers:
        absmax = statistics.absmax(name)
        if absmax == 0:
            logging.warning("%s: its input is zero on all calibration images", graph[name])
        activations[name] = float(absmax_scales(np.array([[absmax]], np.float32))[0])
    return CalibrationTable(weight_scales(graph, layers), activations)


def _check_same_model(graph: Graph, layers: list[str], statistics: CalibrationStatistics) -> None:
    measured = statistics.channel_absmax
    if strange := [name for name in measured if name not in graph]:
        raise ZooError(f"the calibration statistics are of another model: it has no layer {strange[0]}")
    for name in layers:
        if name not in measured:
            raise ZooError(f"the calibration statistics are of another model: they lack {graph[name]}")
        # pnnx gives the layers of all models the same names; their sizes tell models apart
        channels, row = measured[name].size, weight_rows(graph[name]).shape[1]
        if row % channels:
            raise ZooError(
                f"the calibration statistics are of another model: they have {channels} input channels for "
                f"{graph[name]}, which has {row} weights per output channel"
            )
