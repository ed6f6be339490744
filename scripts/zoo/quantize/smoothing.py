"""SmoothQuant through a LayerNorm: what it divides a channel by, the next layer's weights take back.

The model computes the same, to rounding, and one threshold serves all channels of the layer's input as if
each had its own. Source: Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for
Large Language Models", 2023; which factors is the recipe's affair (there s = a^alpha / w^(1 - alpha)).
"""

from dataclasses import replace

import numpy as np

from zoo.array_types import Doubles
from zoo.errors import ZooError
from zoo.ncnn.bin import array
from zoo.ncnn.graph import Graph
from zoo.ncnn.param_ids import LayerNorm
from zoo.quantize.scales import weight_rows


def norm_before(graph: Graph, name: str) -> str | None:
    """The LayerNorm that can take factors for this layer: it feeds it alone, transposed at most."""
    blob = graph[name].inputs[0]
    while (maker := graph.producer(blob)) is not None and len(graph.consumers(blob)) == 1:
        if maker.type == "LayerNorm":
            return maker.name if {"gamma", "beta"} <= set(maker.weights) else None
        if maker.type not in ("Permute", "Reshape"):
            return None
        blob = maker.inputs[0]
    return None


def smoothed_blobs(graph: Graph, name: str) -> tuple[str, ...]:
    """The blobs, from the norm to the layer's input, that are divided by channel where it is smoothed."""
    blobs: list[str] = []
    blob = graph[name].inputs[0]
    while (maker := graph.producer(blob)) is not None and maker.type in ("LayerNorm", "Permute", "Reshape"):
        blobs.append(blob)
        if maker.type == "LayerNorm":
            return tuple(blobs)
        blob = maker.inputs[0]
    return ()


def smooth(graph: Graph, name: str, by: Doubles) -> Graph:
    """The graph in which the layer reads its input divided by `by`, (channels,); its output stays the same.

    Raises ZooError if no LayerNorm can take the factors, see `norm_before`.
    """
    norm = norm_before(graph, name)
    if norm is None:
        raise ZooError(f"{graph[name]}: there is no LayerNorm before it, for it alone, to smooth through")
    before, layer = graph[norm], graph[name]
    normalized = before.param(LayerNorm.AFFINE_SIZE)
    if normalized != by.size:
        raise ZooError(f"{before}: normalizes {normalized} values, not the {by.size} channels of {layer}")

    divided = {role: array(values.floats() / by, values.storage) for role, values in before.weights.items()}
    rows = weight_rows(layer) * np.repeat(by, weight_rows(layer).shape[1] // by.size)
    weight = array(rows, layer.weights["weight"].storage)
    return graph.replace(
        replace(before, weights=divided), replace(layer, weights={**layer.weights, "weight": weight})
    )
