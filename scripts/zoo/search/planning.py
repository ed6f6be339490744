"""Plans for every layer from the calibration statistics alone: what the search starts from.

A candidate is ranked by the error that it puts on its layer's own output (see `zoo.quantize.local_error`).
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph, source_blob
from zoo.ncnn.group_wise import is_read
from zoo.ncnn.layer import Layer
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import input_bound, layer_input, with_convolutions
from zoo.quantize.blocks import BlockError, can_have_blocks, input_rows
from zoo.quantize.centring import clipped_input, takes_back
from zoo.quantize.forms.columns import fits_columns
from zoo.quantize.forms.linear import as_convolutions, is_linear, linear_rows
from zoo.quantize.forms.rows import convolutions_on_rows
from zoo.quantize.forms.vectors import reads_vector
from zoo.quantize.local_error import LocalError, golden_section
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.scales import weight_rows
from zoo.quantize.smoothing import norm_before

INT8_TYPES = ("Convolution", "InnerProduct")
"""Depthwise convolutions stay float: ncnn has no fast int8 kernel for large ones, they hold few weights,
and leaving them float is both faster and closer to the original."""

BLOCK = 64
"""Inputs that share a scale in the layers with weights in blocks; 6 % of their size is scales."""

WORTH_A_PASS = 0.8
"""What costs a pass over the values must bring the predicted error of its layer below this share of what it
was: a shift that is not free, a convolution as a Gemm on columns."""

_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MARGINS = (0.5, 1.6)  # the margin is looked for on a logarithmic scale
_TOLERANCE = 0.03
_SHIFTS = (0.4, 0.5, 0.6, 0.8, 1.0)  # of the way from 0 to the middle of the range


def plain_recipe(graph: Graph) -> Recipe:
    """Convolutions but depthwise, inner products and linear Gemm in int8: absmax and plain rounding."""
    int8 = {layer.name for layer in layers_with_weights(graph) if _has_rows(layer) or is_linear(layer)}
    plans = {
        layer.name: LayerPlan("int8" if layer.name in int8 else "fp16", bias_correction=False)
        for layer in layers_with_weights(graph)
    }
    return Recipe("plain", plans)


def local_recipe(
    graph: Graph,
    statistics: CalibrationStatistics,
    floats: Collection[str] = (),
    name: str = "local",
    device: str = "cpu",
) -> Recipe:
    """The recipe in which each int8 layer has the least predicted error of its own.

    Linear Gemm layers and attention have weights in blocks where the device is `cpu` and its ncnn reads them.
    On `gpu`, which has no such layers, a Gemm becomes a convolution and attention stays float.
    floats: layers that stay float besides those that cannot well be int8; all of these are stored as fp16.
    Raises ZooError if the statistics are of another model.
    """
    statistics.check(graph)
    plans = {layer.name: LayerPlan("fp16") for layer in layers_with_weights(graph)}
    chosen = [layer for layer in layers_with_weights(graph) if layer.name not in floats]
    if device == "cpu" and is_read():
        blocks = [layer for layer in chosen if can_have_blocks(layer) and statistics.on_rows(layer)]
        plans |= {layer.name: plan_blocks(graph, statistics, layer) for layer in blocks}
    else:
        blocks = []
        turned = [layer.name for layer in chosen if is_linear(layer) and statistics.on_rows(layer)]
        graph = as_convolutions(graph, turned)
    groups: dict[str, list[str]] = {}
    done = {*floats, *(layer.name for layer in blocks)}
    for layer in layers_with_weights(graph):
        if _has_rows(layer) and layer.name not in done:
            groups.setdefault(source_blob(graph, layer.inputs[0]), []).append(layer.name)
    for members in groups.values():
        plans |= _plan_together(graph, statistics, members)
    return Recipe(name, plans)


def gemm_recipe(
    graph: Graph, statistics: CalibrationStatistics, recipe: Recipe, block: int = BLOCK
) -> Recipe | None:
    """The recipe with weights in blocks for the int8 convolutions of a ConvNeXt that can be Gemm: on rows, or
    on columns; None if none that is int8 can be on rows.

    Raises ZooError if the statistics are of another model.
    """
    statistics.check(graph)
    places = convolutions_on_rows(graph)
    int8 = recipe.with_precision("int8")
    if recipe.table is not None or places.keys().isdisjoint(int8):
        return None
    names = [name for name in int8 if name in places or fits_columns(graph[name], statistics)]
    plans = {name: plan_blocks(graph, statistics, graph[name], block) for name in names}
    return replace(recipe, name=f"rows-{block}", layers={**recipe.layers, **plans})


def columns_recipe(
    graph: Graph,
    statistics: CalibrationStatistics,
    recipe: Recipe,
    block: int,
    plans: Mapping[str, LayerPlan],
) -> Recipe:
    """The recipe with weights in blocks of `block` for those of the named layers that have less error so.

    A found threshold that is known not to be exceeded, and uses both signs, as that of a centred ReLU6, is
    often better than what the runtime finds; then the layer keeps its plan. plans: see `column_plans`.
    """
    found = {}
    for name, plan in plans.items():
        plan, before = replace(plan, block=block), replace(recipe.layers[name], rounding=plan.rounding)
        errors = [
            layer_error(graph, statistics, name, each).predicted(each.alpha or 0.0, each.margin)
            for each in (plan, before)
        ]
        if errors[0] < WORTH_A_PASS * errors[1]:
            found[name] = plan
    return replace(recipe, name=f"columns-{block}", layers={**recipe.layers, **found})


def column_plans(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> dict[str, LayerPlan]:
    """A plan with weights in blocks for each int8 layer of a recipe that can be a Gemm on columns, or reads a
    vector and can be one on a row.

    Of the latter's input there is one column an image, too few to say how its channels vary together and
    what their largest values are: no GPTQ, no scales by channel.
    Raises ZooError if the statistics are of another model.
    """
    statistics.check(graph)
    int8 = recipe.with_precision("int8") if recipe.table is None else ()
    plans = {}
    for layer in (graph[name] for name in int8):
        if fits_columns(layer, statistics):
            plans[layer.name] = plan_blocks(graph, statistics, layer)
        elif reads_vector(layer, statistics):
            plans[layer.name] = LayerPlan(bias_correction=False, block=BLOCK)
    return plans


def shifted_recipe(graph: Graph, statistics: CalibrationStatistics, recipe: Recipe) -> Recipe | None:
    """The recipe with shifts that cost a pass over the input, as after a GELU; None if none is worth it.

    The int8 layers that can be shifted so are planned again, if that is worth it (see `WORTH_A_PASS`); all
    others, and those that share their input with another int8 layer, keep their plan.
    Raises ZooError if the statistics are of another model.
    """
    statistics.check(graph)
    if recipe.table is not None:
        return None
    static = [name for name in recipe.with_precision("int8") if recipe.layers[name].block is None]
    graph = with_convolutions(graph, statistics, recipe)
    sources = {name: source_blob(graph, graph[name].inputs[0]) for name in static}
    readers = Counter(sources.values())
    plans = {
        name: _with_shift(graph, statistics, name, recipe.layers[name])
        for name, source in sources.items()
        if readers[source] == 1
    }
    found = {name: plan for name, plan in plans.items() if plan is not None}
    return replace(recipe, name="shifted", layers={**recipe.layers, **found}) if found else None


def plan_blocks(
    graph: Graph, statistics: CalibrationStatistics, layer: Layer, block: int = BLOCK
) -> LayerPlan:
    """The plan of least error for weights in blocks. The runtime finds ranges; what is left is alpha."""
    plan = LayerPlan(rounding="gptq", bias_correction=False, block=block)
    error = layer_error(graph, statistics, layer.name, plan)
    alpha = min(_ALPHAS, key=lambda alpha: error.predicted(alpha, 1.0))
    return replace(plan, alpha=alpha or None)


def layer_error(graph: Graph, statistics: CalibrationStatistics, name: str, plan: LayerPlan) -> LocalError:
    """The local error of a layer for the input that its plan gives it."""
    source, gptq = layer_input(graph, statistics, name, plan), plan.rounding == "gptq"
    if plan.block is not None:
        return BlockError(source, input_rows(graph[name]), gptq, plan.block, plan.bits)
    rows = linear_rows(graph[name]) if graph[name].type == "Gemm" else weight_rows(graph[name])
    return LocalError(source, rows, gptq)


def _has_rows(layer: Layer) -> bool:
    return layer.type in INT8_TYPES and "weight" in layer.weights


def _plan_together(graph: Graph, statistics: CalibrationStatistics, names: list[str]) -> dict[str, LayerPlan]:
    """One plan for the layers that read copies of one blob, so that they can share its quantization."""
    candidates = [
        _best(graph, names, [layer_error(graph, statistics, name, start) for name in names], start)
        for start in _starts(graph, statistics, names)
    ]
    plan = min(candidates, key=lambda candidate: candidate[0])[1]
    return dict.fromkeys(names, plan)


def _starts(graph: Graph, statistics: CalibrationStatistics, names: list[str]) -> list[LayerPlan]:
    """The inputs to choose from: as it is, and centred."""
    plain = LayerPlan(rounding="gptq")
    if len(names) > 1:
        return [plain]
    (name,) = names
    if (found := clipped_input(graph, name)) is None:
        return [plain]
    middle = round(_middle(found.low, found.high, statistics.absmax(name)), 4)
    return [plain, replace(plain, shift=middle)] if middle else [plain]


def _middle(low: float, high: float, absmax: float) -> float:
    """Of values in [low, high] that were at most `absmax` in magnitude."""
    return (max(low, -absmax) + min(high, absmax)) / 2


def _with_shift(
    graph: Graph, statistics: CalibrationStatistics, name: str, plan: LayerPlan
) -> LayerPlan | None:
    """The plan of least error for an input that is bounded below and shifted by a pass, if that is worth it.

    A shift widens the range of channels with small values, so it may be best to stay below the middle.
    """
    if plan.shift or plan.observer != "absmax" or not takes_back(graph[name]) or clipped_input(graph, name):
        return None
    limit = input_bound(graph, name)
    middle = _middle(limit.low, limit.high, statistics.absmax(name))
    if not math.isfinite(limit.low) or middle <= 0:
        return None
    error = layer_error(graph, statistics, name, plan)
    if not error.has_both_halves:
        return None
    start = replace(plan, alpha=None, margin=1.0, through="quantize")
    shifts = [round(share * middle, 4) for share in _SHIFTS]
    found = [
        _best(graph, [name], [error.shifted(shift)], replace(start, shift=shift)) for shift in shifts if shift
    ]
    least, best = min(found, key=lambda each: each[0], default=(math.inf, plan))
    return best if least < WORTH_A_PASS * error.predicted(plan.alpha or 0.0, plan.margin) else None


def _best(
    graph: Graph, names: Sequence[str], errors: Sequence[LocalError], start: LayerPlan
) -> tuple[float, LayerPlan]:
    """The least error, and the plan that has it, over alpha and margin. errors: of the layers, by `start`."""
    alphas: tuple[float, ...] = _ALPHAS
    if not all(
        error.has_both_halves for error in errors
    ):  # one image, or crops of one: nothing seen may be clipped
        return sum(error.predicted(0.0, 1.0) for error in errors), start
    if any(graph[name].type != "Convolution" for name in names):
        smooth = len(names) == 1 and not start.shift and norm_before(graph, names[0]) is not None
        start = replace(start, through="norm" if smooth else "quantize")
        alphas = _ALPHAS if smooth else (0.0,)

    found = [(*_best_margin(errors, alpha), alpha) for alpha in alphas]
    least, margin, alpha = min(found, key=lambda each: each[0])
    return least, replace(start, alpha=alpha or None, margin=margin)


def _best_margin(errors: Sequence[LocalError], alpha: float) -> tuple[float, float]:
    """The least error at this alpha, and the margin that has it."""

    def predicted(margin: float) -> float:
        return sum(error.predicted(alpha, margin) for error in errors)

    low, high = map(math.log, _MARGINS)
    margin = round(math.exp(golden_section(lambda log: predicted(math.exp(log)), low, high, _TOLERANCE)), 3)
    return predicted(margin), margin
