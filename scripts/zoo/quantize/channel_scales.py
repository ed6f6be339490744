"""Per-channel activation scales: a Quantize layer before an int8 convolution.

ncnn's int8 convolution has one scale for its input, but takes an input that is int8 already as it is. So a
Quantize layer with a scale a channel goes before it, and what a channel's scale makes larger, the weights
of that channel make smaller before they are rounded. It costs what the convolution's own quantization would.
Measured on ncnn 1.0.20261020, CPU and Vulkan: right for inputs of three dimensions, whose channels the
scales follow; a vector takes wrong scales, and a Permute does not carry int8 (an error on CPU, garbage on
Vulkan), so the Quantize stands right before the convolution.
"""

from collections.abc import Mapping
from dataclasses import replace

from zoo.array_types import Floats
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Quantize


def insert_quantize(graph: Graph, scales: Mapping[str, Floats]) -> Graph:
    """The graph with a Quantize layer before each named layer; scales (127 / threshold): (channels,).

    Layers that read copies of one blob by the same scales share one: a Split copies bytes then.
    """
    groups: dict[tuple[str, bytes], list[str]] = {}
    for name, values in scales.items():
        blob = graph[name].inputs[0]
        maker = graph.producer(blob)
        source = maker.inputs[0] if maker is not None and maker.type == "Split" else blob
        groups.setdefault((source, values.tobytes()), []).append(name)
    for names in groups.values():
        stored = {"scales": array(scales[names[0]], Storage.RAW)}
        size = {Quantize.SCALE_DATA_SIZE: scales[names[0]].size}
        quantize = Layer("Quantize", quantize_name(names[0]), (), (), size, stored)
        if len(names) > 1:
            graph = _share(graph, names)
        graph = graph.insert(graph[names[0]].inputs[0] if len(names) == 1 else _shared(names), quantize)
    return graph


def quantize_name(layer: str) -> str:
    """The name of the Quantize layer before this one."""
    return f"{layer}_quantize"


def _shared(names: list[str]) -> str:
    return f"{names[0]}_shared"


def _share(graph: Graph, names: list[str]) -> Graph:
    """The graph in which these readers of one Split have a Split of their own, which reads `_shared`."""
    blobs = [graph[name].inputs[0] for name in names]
    split = graph.producer(blobs[0])
    assert split is not None
    others = tuple(blob for blob in split.outputs if blob not in blobs)
    own = Layer("Split", f"{names[0]}_split", (_shared(names),), tuple(blobs))
    layers: list[Layer] = []
    for layer in graph.layers:
        layers += [replace(split, outputs=(*others, _shared(names))), own] if layer is split else [layer]
    return Graph(tuple(layers))
