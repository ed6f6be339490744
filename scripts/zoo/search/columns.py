"""Candidates with weights in blocks in models that are no ConvNeXt: 1x1 convolutions as Gemm on columns, and
a classifier's head on a row.

Not every layer gains: a found threshold that uses both signs and is never exceeded, as behind a ReLU6, can be
better than what the runtime finds, and a Gemm that reads many channels and makes few is slower than a
convolution that does. So each has the form that its predicted error and the measured time of both speak for.
See `zoo.search.rows` for what is told of a layer in blocks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.ncnn.group_wise import BLOCK_SIZES, is_read
from zoo.quantize.forms.rows import convolutions_on_rows
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.search.floats import SLACK_SIZE, SLACK_TIME, bytes_of_weight, noise_of, products_to_spare
from zoo.search.planning import column_plans, columns_recipe
from zoo.search.rows import with_noise_in_blocks
from zoo.search.sensitivity import LayerSensitivity

_FINE, _MIDDLE, _COARSE = BLOCK_SIZES
_SLACKS = (SLACK_TIME, 1.05)  # times of single layers are rough, and those of candidates are measured


def columns_candidates(
    graph: Graph,
    statistics: CalibrationStatistics,
    local: Recipe,
    layers: Sequence[LayerSensitivity],
    excluded: Collection[str] = (),
) -> dict[str, Recipe]:
    """Recipes by name; none if no layer gains by it, if some can be on rows, for which `rows_candidates` are,
    or if the ncnn here does not read blocks.

    local, layers, excluded: as in `zoo.search.candidates.searched`. `columns-small-N` have blocks of 128 in N
    layers, and some float, where either is most worth it, and stay nearly as small and as fast as `local`.
    `columns-N` has blocks of 64 wherever they gain, and N layers float, those with most noise for their
    multiply-adds, so that it is mostly int8; `columns-fine-N` is the same with blocks of 32.
    """
    local = local.floating(excluded)
    if not is_read() or not convolutions_on_rows(graph).keys().isdisjoint(local.with_precision("int8")):
        return {}
    plans = column_plans(graph, statistics, local)
    found: dict[str, Recipe] = {}
    for prefix, size in (("columns-small", _COARSE), ("columns", _MIDDLE), ("columns-fine", _FINE)):
        recipe = columns_recipe(graph, statistics, local, size, plans)
        if recipe.layers == local.layers:
            continue  # nothing gains by it
        known = with_noise_in_blocks(graph, statistics, recipe, local, layers)
        if size == _COARSE:
            recipes = [within_slack(local, layers, recipe, known, slack) for slack in _SLACKS]
            found |= {f"{prefix}-{_in_blocks(each)}": each for each in recipes if _in_blocks(each)}
        else:
            floats = noisiest(recipe, known)
            found[f"{prefix}-{len(floats)}"] = recipe.floating(floats)
    return {name: replace(recipe, name=name) for name, recipe in found.items()}


def noisiest(recipe: Recipe, layers: Sequence[LayerSensitivity]) -> list[str]:
    """The int8 layers with most noise for their multiply-adds, as many as leave the recipe mostly int8."""
    int8 = [layer for layer in layers if layer.name in recipe.with_precision("int8")]
    room, chosen = products_to_spare(recipe, layers), []
    for layer in sorted(int8, key=lambda each: -noise_of(each) / max(each.multiply_adds, 1)):
        if layer.multiply_adds <= room:
            chosen.append(layer.name)
            room -= layer.multiply_adds
    return chosen


def _in_blocks(recipe: Recipe) -> int:
    return sum(plan.block is not None for plan in recipe.layers.values())


@dataclass(frozen=True)
class _Change:
    """Another plan for a layer. less_noise: of the outputs, as a share of the signal. size, time: what it
    costs, as shares of those of all weights at a byte each and of the time of all layers in fp32; products:
    multiply-adds that are int8 no more."""

    name: str
    plan: LayerPlan
    less_noise: float
    size: float
    time: float
    products: float

    @property
    def worth(self) -> float:
        return self.less_noise / max(self.size + self.time, 1e-6)


def within_slack(
    local: Recipe,
    layers: Sequence[LayerSensitivity],
    blocks: Recipe,
    in_blocks: Sequence[LayerSensitivity],
    slack: float = SLACK_TIME,
) -> Recipe:
    """`local` with those layers in blocks, as in the recipe `blocks`, or float that bring most for what they
    cost, as far as it stays nearly as small (`SLACK_SIZE`), by prediction at most `slack` times as slow, and
    mostly int8.

    layers, in_blocks: what each layer costs in either recipe.
    """
    total = max(sum(layer.time_ms for layer in layers), 1e-6)
    changes = []
    for layer, other in zip(layers, in_blocks, strict=True):
        plan = local.layers[layer.name]
        if plan.precision != "int8" or layer.int8_ms is None:
            continue
        size = layer.weight_share * bytes_of_weight(plan)
        if blocks.layers[layer.name] != plan and other.int8_ms is not None:
            changed = blocks.layers[layer.name]
            more = layer.weight_share * bytes_of_weight(changed) - size
            time = (other.int8_ms - layer.int8_ms) / total
            changes.append(_Change(layer.name, changed, noise_of(layer) - noise_of(other), more, time, 0))
        changed = LayerPlan("fp16")
        more = layer.weight_share * bytes_of_weight(changed) - size
        time = (layer.time_ms - layer.int8_ms) / total
        changes.append(_Change(layer.name, changed, noise_of(layer), more, time, layer.multiply_adds))
    size = sum(layer.weight_share * bytes_of_weight(local.layers[layer.name]) for layer in layers)
    time = sum(layer.time_ms if layer.int8_ms is None else layer.int8_ms for layer in layers) / total
    room = [size * (SLACK_SIZE - 1), time * (slack - 1), products_to_spare(local, layers)]
    chosen: dict[str, LayerPlan] = {}
    for change in sorted(changes, key=lambda each: -each.worth):
        costs = change.size, change.time, change.products
        left = [each - cost for each, cost in zip(room, costs, strict=True)]
        if change.name not in chosen and change.less_noise > 0 and min(left) >= 0:
            chosen[change.name], room = change.plan, left
    return replace(local, layers={**local.layers, **chosen})
