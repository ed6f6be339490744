"""Candidates in which the convolutions of ConvNeXt are Gemm on rows, with weights in blocks.

Their input has no threshold that an image could exceed; each block of each pixel is rounded by its own, which
leaves 4 to 8 dB less error than a found threshold. They cost bytes, a scale for so many weights. What a layer
in blocks does to the outputs is not measured, as its other form was, but told by that and by the local errors
of both: the layers behind it pass on an error whatever made it.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.ncnn.group_wise import BLOCK_SIZES, is_read
from zoo.quantize.recipe import Recipe
from zoo.search.floats import by_worth, fitting, is_mostly_int8, prefixes
from zoo.search.planning import layer_error, rows_recipe
from zoo.search.sensitivity import LayerSensitivity

_FINE, _MIDDLE, _COARSE = BLOCK_SIZES


def rows_candidates(
    graph: Graph,
    statistics: CalibrationStatistics,
    local: Recipe,
    layers: Sequence[LayerSensitivity],
    excluded: Collection[str] = (),
) -> dict[str, Recipe]:
    """Recipes by name; none if no convolution can be on rows, or the ncnn here does not read blocks.

    local, layers, excluded: as in `zoo.search.candidates.searched`. `rows-small` has blocks of 128, and those
    layers float that leave it nearly as small as `local`. `rows-N` has blocks of 64, and N layers float:
    first those that are not on rows, with most noise for what their being int8 saves, and as long as it is
    mostly int8. `rows-fine` has blocks of 32, and as many float as the last of these.
    """
    local = local.floating(excluded)
    middle = rows_recipe(graph, statistics, local, _MIDDLE) if is_read() else None
    if middle is None:
        return {}
    middle = replace(middle, gelu="tanh" if graph.of_type("GELU") else local.gelu)
    known = with_noise_in_blocks(graph, statistics, middle, local, layers)
    on_rows = [name for name, plan in middle.layers.items() if plan != local.layers[name]]
    order = sorted(by_worth(middle, known), key=lambda name: name in on_rows)
    small, fine = (_of_size(middle, on_rows, size) for size in (_COARSE, _FINE))
    floats = [names for names in prefixes(middle, known, order) if is_mostly_int8(middle, layers, names)]
    found = {"rows-small": small.floating(fitting(small, known, order, local))}
    found |= {f"rows-{len(names)}": middle.floating(names) for names in floats or [[]]}
    found["rows-fine"] = fine.floating(floats[-1] if floats else [])
    return {name: replace(recipe, name=name) for name, recipe in found.items()}


def with_noise_in_blocks(
    graph: Graph,
    statistics: CalibrationStatistics,
    recipe: Recipe,
    measured: Recipe,
    layers: Sequence[LayerSensitivity],
) -> list[LayerSensitivity]:
    """What each layer costs in `recipe`, where some have weights in blocks that have none in `measured`, the
    recipe of which the noise was measured."""
    found = []
    for layer in layers:
        plan, other = recipe.layers[layer.name], measured.layers[layer.name]
        if plan != other and plan.block is not None and layer.noise and layer.sqnr_db is not None:
            errors = [
                layer_error(graph, statistics, layer.name, each).predicted(each.alpha or 0.0, each.margin)
                for each in (plan, other)
            ]
            factor = errors[0] / errors[1] if min(errors) > 0 else 1.0
            layer = replace(
                layer, noise=layer.noise * factor, sqnr_db=layer.sqnr_db - 10 * math.log10(factor)
            )
        found.append(layer)
    return found


def _of_size(recipe: Recipe, names: Collection[str], size: int) -> Recipe:
    """The recipe with blocks of that size in these layers."""
    plans = {name: replace(recipe.layers[name], block=size) for name in names}
    return replace(recipe, layers={**recipe.layers, **plans})
