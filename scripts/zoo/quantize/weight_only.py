"""Weights of few bits and arithmetic in float: linear layers in blocks, all else in codebooks or fp16.

ncnn computes layers with 4 and 6 bits a weight by generic code that unpacks each weight where it is used:
such a file is small, and slow. Before 20261020 ncnn does not load it.
"""

from collections import Counter
from collections.abc import Collection

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import Graph, ordered_arrays
from zoo.ncnn.layer import is_scale
from zoo.quantize.apply import check_recipe, quantized_graph
from zoo.quantize.recipe import Recipe
from zoo.quantize.w8 import with_codebooks


def apply_weight_only(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> Graph:
    """The graph with the recipe's layers in blocks, and the others as in `w8`.

    graph: fp32. Raises ZooError if the recipe or the statistics are of another model, and what `to_w8`
    raises.
    """
    statistics.check(graph)
    check_recipe(recipe, graph, statistics)
    return in_blocks(others_as_w8(graph, statistics, recipe.with_precision("int8")), statistics, recipe)


def others_as_w8(graph: Graph, statistics: CalibrationStatistics, blocks: Collection[str]) -> Graph:
    """The graph with all layers but these, by name, stored as in `w8`."""
    others = [layer.name for layer in graph.layers if layer.name not in blocks]
    return with_codebooks(graph, statistics, others)


def in_blocks(others: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> Graph:
    """The rest of the way: what `others_as_w8` left float in blocks."""
    return to_fp16(quantized_graph(others, statistics, recipe), recipe.with_precision("int8"))


def stored_bytes(graph: Graph) -> int:
    """How many bytes the arrays take in the file."""
    return sum(len(array.tobytes()) for layer in graph.layers for array in ordered_arrays(layer))


def bits_in_words(graph: Graph, recipe: Recipe) -> str:
    """Which share of the weights has how many bits in blocks, and in how many layers, as a phrase.

    graph: fp32.
    """
    counts: Counter[int] = Counter()
    layers: Counter[int] = Counter()
    for name in recipe.with_precision("int8"):
        bits = recipe.layers[name].bits
        layers[bits] += 1
        counts[bits] += sum(
            array.values.size for role, array in graph[name].weights.items() if not is_scale(role)
        )
    return ", ".join(
        f"{counts[bits] / graph.parameters:.1%} of the weights have {bits} bits ({layers[bits]} layers)"
        for bits in sorted(counts)
    )
