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
    dB of the answer and saves no multiply-add: it gets a mask of its arithmetic whatever the recipe says, and
    one of storage where `_repeated` says that it would be given float16 at its cost.
    """
    missing = {each.layer for each in recipe.layers if each.layer not in graph}
    arithmetic = [name for name in recipe.arithmetic if name not in missing]
    arithmetic += [layer.name for layer in graph.layers if layer.type == "Quantize" or computes_int8(layer)]
    storage = [name for name in recipe.storage if name not in missing]
    sentences = [f"layer {name} has no mask, for this file has no such layer" for name in sorted(missing)]
    return masked(graph, dict.fromkeys(arithmetic), storage, _repeated(graph)), sentences


def with_masks(graph: Graph, recipe: Fp16Recipe) -> Graph:
    """The same graph alone."""
    return apply(graph, recipe)[0]


def _repeated(graph: Graph) -> list[str]:
    """What is int8 and is given the same numbers again and again, and what gives it these: an image has some
    256, and where a constant was added to what a GELU gives, most are that constant.

    float16 before the quantization moves a number by less than a thousandth, to the next step if it lies at
    the limit of two. Numbers of all kinds go up as often as down, and the noise stays as much; one that is
    many goes one way.
    """
    found: list[str] = []
    for layer in graph.layers:
        producers = list(filter(None, map(graph.producer, layer.inputs)))
        if layer.type != "Quantize" and not computes_int8(layer):
            continue
        if shifts := [each.name for each in producers if _adds_constant(each)]:
            found += [*shifts, layer.name]
        elif any(each.type == "Input" for each in producers):
            found.append(layer.name)
    return found


def _adds_constant(layer: Layer) -> bool:
    return layer.type == "BinaryOp" and len(layer.inputs) == 1


def computes_int8(layer: Layer) -> bool:
    """Whether a layer multiplies in int8."""
    return any(array.storage in _INT8 for array in layer.weights.values())
