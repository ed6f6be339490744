"""What a recipe moves on purpose, which is no error where two models are compared layer by layer.

Apart from `apply`: verification, also of files that have no recipe, needs no more of it than this.
"""

from zoo.ncnn.graph import Graph
from zoo.quantize.centring import centred_blobs
from zoo.quantize.recipe import Recipe
from zoo.quantize.smoothing import smoothed_blobs


def moved_blobs(graph: Graph, recipe: Recipe) -> dict[str, float | None]:
    """The blobs that the recipe moved on purpose in its graph, whose layers need no weights: what was taken
    off each; None where it is divided by channel."""
    moved: dict[str, float | None] = {}
    for name in recipe.with_precision("int8"):
        plan = recipe.layers[name]
        if recipe.table is not None or name not in graph:
            continue
        if plan.shift:
            moved |= dict.fromkeys(centred_blobs(graph, name), plan.shift)
        if plan.alpha is not None and plan.through == "norm" and plan.block is None:
            moved |= dict.fromkeys(smoothed_blobs(graph, name))
    return moved
