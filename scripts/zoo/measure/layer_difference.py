"""How far a layer's output is from that of the same layer in another file: one layer, one definition."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zoo.config.records.verification import LayerDifference
from zoo.measure.metrics import cosine, max_abs_error, ratio_db
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer

NOT_COMPARED = ("Input", "Split", "MemoryData", "Quantize")
"""ncnn's layers that compute nothing of the model."""


def compared_layers(graph: Graph) -> dict[str, Layer]:
    """The layers of a graph that can be compared with another file's, by the name of their first output."""
    return {layer.outputs[0]: layer for layer in graph.layers if layer.type not in NOT_COMPARED}


@dataclass
class LayerComparison:
    """The differences of one layer, gathered image by image. layer, type, blob: see `LayerDifference`."""

    layer: str
    type: str
    blob: str
    cosine: float = field(default=1.0, init=False)
    signal: float = field(default=0.0, init=False)
    noise: float = field(default=0.0, init=False)
    max_abs: float = field(default=0.0, init=False)
    peak: float = field(default=0.0, init=False)

    def add(self, expected: NDArray[np.floating], got: NDArray[np.floating]) -> None:
        """Count in the outputs for one image, of equal shapes."""
        self.cosine = min(self.cosine, cosine(expected, got))
        self.signal += float(np.sum(np.square(expected, dtype=np.float64)))
        self.noise += float(np.sum(np.square(expected.astype(np.float64) - got)))
        error = max_abs_error(expected, got)
        self.max_abs = max(self.max_abs, math.inf if math.isnan(error) else error)
        self.peak = max(self.peak, float(np.nan_to_num(np.abs(expected)).max(initial=0)))

    def result(self) -> LayerDifference:
        """The difference over all images so far."""
        return LayerDifference(
            self.layer,
            self.type,
            self.blob,
            self.cosine,
            ratio_db(self.signal, self.noise),
            self.max_abs if math.isfinite(self.max_abs) else None,
            self.peak,
        )


def layer_difference(
    layer: str, kind: str, blob: str, expected: NDArray[np.floating], got: NDArray[np.floating]
) -> LayerDifference:
    """The difference on one image."""
    comparison = LayerComparison(layer, kind, blob)
    comparison.add(expected, got)
    return comparison.result()
