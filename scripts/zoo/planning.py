"""Plans for every layer from the calibration statistics alone: what the search starts from.

A candidate is ranked by the error that it puts on its layer's own output (see `zoo.local_error`).
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from zoo.calibration import CalibrationStatistics
from zoo.centring import clipped_input
from zoo.collection import source_blob
from zoo.int8 import weight_rows
from zoo.local_error import LocalError, golden_section
from zoo.ncnn_graph import Graph
from zoo.ncnn_layers import Layer
from zoo.quantization import layer_input, planned
from zoo.recipe import LayerPlan, Recipe
from zoo.smoothing import norm_before

INT8_TYPES = ("Convolution", "InnerProduct")
"""Depthwise convolutions stay float: ncnn has no fast int8 kernel for large ones, they hold few weights,
and leaving them float is both faster and closer to the original."""

_ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_MARGINS = (0.5, 1.6)  # the margin is looked for on a logarithmic scale
_TOLERANCE = 0.03


def plain_recipe(graph: Graph) -> Recipe:
    """Convolutions but depthwise, and inner products, in int8: absmax thresholds and plain rounding."""
    plans = {
        layer.name: LayerPlan("int8" if _can_be_int8(layer) else "fp32", bias_correction=False)
        for layer in planned(graph)
    }
    return Recipe("plain", plans)


def local_recipe(
    graph: Graph, statistics: CalibrationStatistics, floats: Collection[str] = (), name: str = "local"
) -> Recipe:
    """The recipe in which each int8 layer has the least predicted error of its own.

    floats: layers that stay float besides those that cannot well be int8; all of these are stored as fp16.
    Raises ZooError if the statistics are of another model.
    """
    statistics.check(graph)
    plans = {layer.name: LayerPlan("fp16") for layer in planned(graph)}
    groups: dict[str, list[str]] = {}
    for layer in planned(graph):
        if _can_be_int8(layer) and layer.name not in floats:
            groups.setdefault(source_blob(graph, layer.inputs[0]), []).append(layer.name)
    for members in groups.values():
        plans |= _plan_together(graph, statistics, members)
    return Recipe(name, plans)


def ends(graph: Graph) -> tuple[str, ...]:
    """The first and the last layer that could be int8: few multiplications, much of the error."""
    names = [layer.name for layer in planned(graph) if _can_be_int8(layer)]
    return tuple(dict.fromkeys((names[0], names[-1]))) if names else ()


def layer_error(graph: Graph, statistics: CalibrationStatistics, name: str, plan: LayerPlan) -> LocalError:
    """The local error of a layer for the input that its plan gives it."""
    source = layer_input(graph, statistics, name, plan)
    rows = weight_rows(graph[name])
    return LocalError(source, rows, plan.rounding == "gptq")


def _can_be_int8(layer: Layer) -> bool:
    return layer.type in INT8_TYPES and "weight" in layer.weights


def _plan_together(graph: Graph, statistics: CalibrationStatistics, names: list[str]) -> dict[str, LayerPlan]:
    """One plan for the layers that read copies of one blob, so that they can share its quantization."""
    candidates = [_best(graph, statistics, names, start) for start in _starts(graph, statistics, names)]
    plan = min(candidates, key=lambda candidate: candidate[0])[1]
    return dict.fromkeys(names, plan)


def _starts(graph: Graph, statistics: CalibrationStatistics, names: list[str]) -> list[LayerPlan]:
    """The inputs to choose from: as it is, and centred."""
    plain = LayerPlan(rounding="gptq")
    if len(names) > 1:
        return [plain]
    (name,) = names
    starts = [plain]
    if (found := clipped_input(graph, name)) is not None:
        high = min(found.high, statistics.absmax(name))
        if middle := round((found.low + high) / 2, 4):
            starts.append(replace(plain, shift=middle))
    return starts


def _best(
    graph: Graph, statistics: CalibrationStatistics, names: Sequence[str], start: LayerPlan
) -> tuple[float, LayerPlan]:
    """The least error, and the plan that has it, over alpha and margin."""
    alphas: tuple[float, ...] = _ALPHAS
    errors = [layer_error(graph, statistics, name, start) for name in names]
    if any(graph[name].type != "Convolution" for name in names):
        smooth = len(names) == 1 and not start.shift and norm_before(graph, names[0]) is not None
        start = replace(start, through="norm" if smooth else "quantize")
        alphas = _ALPHAS if smooth else (0.0,)

    def predicted(alpha: float, margin: float) -> float:
        return sum(error.predicted(alpha, margin) for error in errors)

    best = (math.inf, start)
    for alpha in alphas:
        low, high = map(math.log, _MARGINS)
        margin = math.exp(golden_section(lambda x: predicted(alpha, math.exp(x)), low, high, _TOLERANCE))  # noqa: B023
        margin = round(margin, 3)
        found = predicted(alpha, margin)
        if found < best[0]:
            best = found, replace(start, alpha=alpha or None, margin=margin)
    return best
