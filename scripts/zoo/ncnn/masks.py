"""ncnn's layer masks: which layers of a graph do not compute, or do not even store, in float16.

Without its mask a layer computes in float16 wherever the processor, or the GPU, can, whatever the file holds.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import AnyLayer, FeatureMask

ARITHMETIC = FeatureMask.NO_FP16_ARITHMETIC
"""The mask of a layer that computes in float32 and stores float16."""
STORAGE = FeatureMask.NO_FP16_ARITHMETIC | FeatureMask.NO_FP16_STORAGE | FeatureMask.NO_VULKAN
"""That of a layer which stores float32 too. ncnn's Vulkan converts nothing between layers, so there it runs
on the CPU."""
GATE = "Dropout"
"""The type of the layer that turns float16 into float32: one that does nothing, and has no float16 form on
ARM, so that ncnn itself converts what it is given."""


def masked(
    graph: Graph, arithmetic: Collection[str], storage: Collection[str] = (), exact: Collection[str] = ()
) -> Graph:
    """The graph with masks on layers, by name, and no other weights.

    arithmetic: those that compute in float32. storage: those whose output does not fit into float16, either.
    What reads such an output takes it in float32, so it stores float32 as well; and since ncnn hands it
    float16 from all others, each of these other inputs gets a layer in front that converts it. exact: those
    that take and store float32 though what they give fits, so that what reads it may convert it. Elsewhere
    than where ncnn stores float16 all of that changes nothing. Raises ZooError for a layer that there is not.
    """
    wide = [graph[name] for name in storage]
    floats = {layer.name for layer in (*wide, *_readers(graph, wide))} | {graph[name].name for name in exact}
    marked = [_mask(graph[name], ARITHMETIC) for name in arithmetic if name not in floats]
    marked += [_mask(graph[name], STORAGE) for name in sorted(floats)]
    graph = graph.replace(*marked)
    graph = graph.replace(*(_mask(layer, FeatureMask.NO_VULKAN) for layer in _given_int8(graph, exact)))
    for layer in [graph[name] for name in sorted(floats)]:
        for blob in layer.inputs:
            producer = graph.producer(blob)
            if producer is not None and producer.type != "Input" and producer.name not in floats:
                gate = Layer(
                    GATE, _free_name(graph, blob), (), (), {AnyLayer.FEATURE_MASK: FeatureMask.NO_VULKAN}
                )
                graph = graph.insert(blob, gate)
    return graph


def readers(graph: Graph, storage: Collection[str]) -> list[str]:
    """The layers that store float32 because they read what those store, and their copies, in the graph's
    order."""
    names = {layer.name for layer in _readers(graph, [graph[name] for name in storage])} - set(storage)
    return [layer.name for layer in graph.layers if layer.name in names]


def stores_float32(layer: Layer) -> bool:
    """Whether a layer's mask has it store float32."""
    return bool(layer.param(AnyLayer.FEATURE_MASK) & FeatureMask.NO_FP16_STORAGE)


def _readers(graph: Graph, layers: Iterable[Layer]) -> list[Layer]:
    """What reads the outputs of layers, and, past a Split, what reads these copies."""
    pending, found = list(layers), []
    while pending:
        for blob in pending.pop().outputs:
            for reader in graph.consumers(blob):
                found.append(reader)
                if reader.type == "Split":
                    pending.append(reader)
    return found


def _given_int8(graph: Graph, names: Collection[str]) -> list[Layer]:
    """What reads the int8 that layers by name give, which no GPU can be handed by a layer on the CPU."""
    quantizers = [layer for layer in graph.of_type("Quantize") if layer.name in names]
    return [reader for layer in quantizers for reader in graph.consumers(layer.outputs[0])]


def _mask(layer: Layer, bits: int) -> Layer:
    mask = layer.param(AnyLayer.FEATURE_MASK) | bits
    return replace(layer, params={**layer.params, AnyLayer.FEATURE_MASK: mask})


def _free_name(graph: Graph, blob: str) -> str:
    name = f"{blob}_float32"
    while name in graph or name in graph.blobs:
        name += "_"
    return name
