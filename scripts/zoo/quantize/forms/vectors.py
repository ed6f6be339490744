"""An InnerProduct on one vector, as a classifier's head is, on one row: for Gemm, which reads rows.

A Reshape before it makes a row of the vector, or of whatever blob it reads, in the order of its weights, and
one behind it a vector again. Only for a CPU.
"""

from collections.abc import Collection

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Reshape
from zoo.quantize.forms.linear import is_linear


def reads_vector(layer: Layer, statistics: CalibrationStatistics) -> bool:
    """Whether a layer is an InnerProduct that could be a Gemm, and reads one vector."""
    return layer.type == "InnerProduct" and is_linear(layer) and not statistics.on_rows(layer)


def as_row(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with these InnerProduct layers on a row each; it computes the same."""
    layers: list[Layer] = []
    for layer in graph.layers:
        if layer.name not in names:
            layers.append(layer)
            continue
        row, made = f"{layer.name}_in_row", f"{layer.name}_made"
        layers += [
            Layer("Reshape", row, layer.inputs, (row,), {Reshape.W: -1, Reshape.H: 1}),
            Layer(layer.type, layer.name, (row,), (made,), layer.params, layer.weights),
            Layer("Reshape", f"{layer.name}_out_row", (made,), layer.outputs, {Reshape.W: -1}),
        ]
    return Graph(tuple(layers))
