"""Masks by a recipe on the layers of a file that was made of the same fp32 files."""

from zoo.config.records.fp16_recipe import Fp16Recipe
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.masks import masked

_INT8 = (Storage.INT8, Storage.RAW_INT8)


def apply(graph: Graph, recipe: Fp16Recipe) -> tuple[Graph, list[str]]:
    """The graph with the recipe's masks, and a sentence for each layer that gets none.

    graph: in fp16, w8 or int8. A layer that is int8 has no float16 arithmetic to lose anything in, though it
    may hand on what float16 cannot hold; and a layer can have gone into another.
    """
    missing = {each.layer for each in recipe.layers if each.layer not in graph}
    int8 = {name for name in recipe.arithmetic if name not in missing and computes_int8(graph[name])}
    arithmetic = [name for name in recipe.arithmetic if name not in missing | int8]
    storage = [name for name in recipe.storage if name not in missing]
    sentences = [f"layer {name} has no mask, for it is int8" for name in sorted(int8)]
    sentences += [f"layer {name} has no mask, for this file has no such layer" for name in sorted(missing)]
    return masked(graph, arithmetic, storage), sentences


def with_masks(graph: Graph, recipe: Fp16Recipe) -> Graph:
    """The same graph alone."""
    return apply(graph, recipe)[0]


def computes_int8(layer: Layer) -> bool:
    """Whether a layer multiplies in int8."""
    return any(array.storage in _INT8 for array in layer.weights.values())
