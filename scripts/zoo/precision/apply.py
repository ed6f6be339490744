"""Masks by a recipe on the layers of a file that was made of the same fp32 files."""

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.masks import masked

_INT8 = (Storage.INT8, Storage.RAW_INT8)


def apply(graph: Graph, recipe: Fp16Recipe) -> tuple[Graph, list[str]]:
    """The graph with the recipe's masks, and a sentence for each layer that this file does not have.

    graph: in fp16, w8 or int8. What is int8 quantizes its input in float16 where it can, which costs some two
    dB of the answer and saves no multiply-add: it gets a mask of its arithmetic whatever the recipe says.
    """
    missing = {each.layer for each in recipe.layers if each.layer not in graph}
    arithmetic = [name for name in recipe.arithmetic if name not in missing]
    arithmetic += [layer.name for layer in graph.layers if layer.type == "Quantize" or computes_int8(layer)]
    storage = [name for name in recipe.storage if name not in missing]
    sentences = [f"layer {name} has no mask, for this file has no such layer" for name in sorted(missing)]
    return masked(graph, dict.fromkeys(arithmetic), storage), sentences


def with_masks(graph: Graph, recipe: Fp16Recipe) -> Graph:
    """The same graph alone."""
    return apply(graph, recipe)[0]


def computes_int8(layer: Layer) -> bool:
    """Whether a layer multiplies in int8."""
    return any(array.storage in _INT8 for array in layer.weights.values())
