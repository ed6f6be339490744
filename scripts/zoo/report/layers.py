"""What each layer costs a model, as rows of bars."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.charts.style import COLOURS, GREY, OTHER_COLOUR
from zoo.search.sensitivity import LayerSensitivity, Sensitivity

PLANS = {
    "int8, by channel": COLOURS["int8"],
    "int8, through norm": OTHER_COLOUR,
    "int8, per tensor": "#c45a8a",
    "int8, by block": "#a8862a",
    "fp16": COLOURS["fp16"],
    "fp32": COLOURS["fp32"],
}
"""What the plan did with a layer, and its colour; others are grey."""

FLOATS = ("fp16", "fp32")


@dataclass(frozen=True)
class Bar:
    """A layer as it is shown. sqnr, time, weights: lengths, 0 to 1 of the longest bar of its kind.

    sqnr is None where the layer was not tried in int8, and so is int8_ratio, its time in int8 over fp32's.
    """

    layer: LayerSensitivity
    plan: str | None
    details: str
    colour: str
    sqnr: float | None
    time: float
    weights: float
    int8_ratio: float | None


def bars(sensitivity: Sensitivity) -> list[Bar]:
    """The layers of a model, in the graph's order."""
    layers = sensitivity.layers
    finite = [layer.sqnr_db for layer in layers if layer.sqnr_db is not None and abs(layer.sqnr_db) < MAX_DB]
    longest = max((0.0, *finite)) or 1.0
    time = max((layer.time_share for layer in layers), default=0) or 1
    weights = max((layer.weight_share for layer in layers), default=0) or 1
    return [_bar(layer, longest, time, weights) for layer in layers]


def _bar(layer: LayerSensitivity, longest_db: float, most_time: float, most_weights: float) -> Bar:
    plan = plan_kind(layer)
    return Bar(
        layer,
        plan,
        plan_details(layer),
        PLANS.get(plan or "", GREY),
        None if layer.sqnr_db is None else min(max(layer.sqnr_db / longest_db, 0), 1),
        layer.time_share / most_time,
        layer.weight_share / most_weights,
        layer.int8_ms / layer.time_ms if layer.int8_ms and layer.time_ms else None,
    )


def plan_kind(layer: LayerSensitivity) -> str | None:
    """What the plan makes of a layer, in a word or two: a key of PLANS, or an unknown precision."""
    plan = layer.plan
    if plan is None or plan.precision != "int8":
        return plan.precision if plan else None
    if plan.block is not None:
        return "int8, by block"
    if plan.alpha is None:
        return "int8, per tensor"
    return "int8, through norm" if plan.through == "norm" else "int8, by channel"


def plan_details(layer: LayerSensitivity) -> str:
    """The rest of its plan: what differs from the defaults."""
    values = layer.plan.to_dict() if layer.plan else {}
    return ", ".join(f"{key} {value}" for key, value in values.items() if key != "precision")


def legend(shown: Sequence[Bar]) -> dict[str, str]:
    """The colours that occur, by what they stand for, in the order of PLANS."""
    found = {bar.plan: bar.colour for bar in shown if bar.plan}
    return {plan: found[plan] for plan in [*PLANS, *found] if plan in found}


def heavy_floats(sensitivity: Sensitivity, share: float) -> list[str]:
    """The layers with more than that share of the weights that the plan left float, in words."""
    return [
        f"{layer.name} ({layer.plan.precision}, {formats.percent(layer.weight_share)} %)"
        for layer in sensitivity.layers
        if layer.plan and layer.plan.precision in FLOATS and layer.weight_share > share
    ]
