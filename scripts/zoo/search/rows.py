"""Candidates in which the convolutions of a ConvNeXt are Gemm, on rows or on columns, with weights in blocks.

Their input has no threshold that an image could exceed; each block of each pixel is rounded by its own, which
leaves 4 to 8 dB less error than a found threshold. They cost bytes, a scale for so many weights. What a layer
in blocks does to the outputs is not measured, as its other form was, but told by that and by the local errors
of both: the layers behind it pass on an error whatever made it.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.ncnn.group_wise import BLOCK_SIZES, is_read
from zoo.quantize.forms.rows import Rows, convolutions_on_rows
from zoo.quantize.recipe import Recipe
from zoo.search.floats import by_worth, fitting, is_mostly_int8, prefixes, time_saved
from zoo.search.planning import gemm_recipe, layer_error
from zoo.search.sensitivity import LayerSensitivity

_FINE, _MIDDLE, _COARSE = BLOCK_SIZES
_FREE = 0.005
"""What costs no more than this share of the time is as fast in float."""


def rows_candidates(
    graph: Graph,
    statistics: CalibrationStatistics,
    local: Recipe,
    layers: Sequence[LayerSensitivity],
    excluded: Collection[str] = (),
) -> dict[str, Recipe]:
    """Recipes by name; none if no convolution can be on rows, or the ncnn here does not read blocks.

    local, layers, excluded: as in `zoo.search.candidates.searched`. Float are those layers with most noise
    for what their being int8 saves. `rows-small` has blocks of 128, and those few layers float that are as
    fast so: it stays nearly as small as `local`, and as fast, for what is not on rows keeps its form.
    `rows-fast` is the same with only those places on rows that were measured to be faster so, if some were.
    `rows-N` has blocks of 64, and N layers float: as many as leave it mostly int8, and fewer. `rows-fine-N`
    is the same with blocks of 32, and GELUs as they are, whose tanh form costs half a dB there.
    """
    local = local.floating(excluded)
    middle = gemm_recipe(graph, statistics, local, _MIDDLE) if is_read() else None
    if middle is None:
        return {}
    names = [name for name, plan in middle.layers.items() if plan != local.layers[name]]
    places = convolutions_on_rows(graph)
    on_rows = [name for name in names if name in places]
    faster = _faster_on_rows(on_rows, places, layers)
    quick = replace(local, gelu="tanh") if graph.of_type("GELU") else local
    found: dict[str, Recipe] = {}
    for prefix, base, blocks, size in (
        *([("rows-fast", quick, faster, _COARSE)] if 0 < len(faster) < len(on_rows) else []),
        ("rows-small", quick, on_rows, _COARSE),
        ("rows", quick, names, _MIDDLE),
        ("rows-fine", local, names, _FINE),
    ):
        plans = {name: replace(middle.layers[name], block=size) for name in blocks}
        recipe = replace(base, layers={**base.layers, **plans})
        known = with_noise_in_blocks(graph, statistics, recipe, local, layers)
        order = by_worth(recipe, known)
        if size == _COARSE:
            free = {layer.name for layer in known if time_saved(layer, known) <= _FREE}
            order = [name for name in order if name in free]
            found[prefix] = recipe.floating(fitting(recipe, known, order, local))
        else:
            lists = _float_lists(recipe, known, order)
            found |= {f"{prefix}-{len(floats)}": recipe.floating(floats) for floats in lists}
    return {name: replace(recipe, name=name) for name, recipe in found.items()}


def _faster_on_rows(
    names: Sequence[str], places: Mapping[str, Rows], layers: Sequence[LayerSensitivity]
) -> list[str]:
    """Those of the convolutions whose place, all convolutions of it together, takes less time in blocks."""
    times = {layer.name: layer for layer in layers}
    gains: dict[str, float] = {}
    for name in names:
        found, place = times[name].int8_ms, places[name].norm
        block = times[name].block_ms
        gain = -math.inf if found is None or block is None else found - block
        gains[place] = gains.get(place, 0.0) + gain
    return [name for name in names if gains[places[name].norm] > 0]


def _float_lists(
    recipe: Recipe, layers: Sequence[LayerSensitivity], order: Sequence[str]
) -> list[Sequence[str]]:
    """As much of `order` as leaves the recipe mostly int8, and the longest shorter one of `prefixes`."""
    parts = [order[:count] for count in range(len(order)) if is_mostly_int8(recipe, layers, order[:count])]
    longest = parts[-1] if parts else []
    shorter = [part for part in prefixes(recipe, layers, order) if len(part) < len(longest)]
    return [*shorter[-1:], longest]


def with_noise_in_blocks(
    graph: Graph,
    statistics: CalibrationStatistics,
    recipe: Recipe,
    measured: Recipe,
    layers: Sequence[LayerSensitivity],
) -> list[LayerSensitivity]:
    """What each layer costs in `recipe`, where some have weights in blocks that have none in `measured`, the
    recipe of which the noise was measured. The former take the time that was measured of that form, or
    half of fp32's where it was not."""
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
                layer,
                noise=layer.noise * factor,
                sqnr_db=layer.sqnr_db - 10 * math.log10(factor),
                int8_ms=layer.time_ms / 2 if layer.block_ms is None else layer.block_ms,
            )
        found.append(layer)
    return found
