"""What each layer costs a model, as rows of bars."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.charts import COLOURS, GREY, OTHER_COLOUR
from zoo.report.row import Record

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

    record: Record
    plan: str | None
    details: str
    colour: str
    sqnr: float | None
    time: float
    weights: float
    int8_ratio: float | None


def bars(record: Record) -> list[Bar]:
    """The layers of a sensitivity record, in the graph's order."""
    layers = record["layers"]
    finite = [db for layer in layers if (db := layer["sqnr_db"]) is not None and abs(db) < MAX_DB]
    longest = max((0.0, *finite)) or 1.0
    time, weights = (max((layer[key] for layer in layers), default=0) or 1 for key in _SHARES)
    return [
        Bar(
            layer,
            plan := plan_kind(layer["plan"]),
            plan_details(layer["plan"]),
            PLANS.get(plan or "", GREY),
            None if layer["sqnr_db"] is None else min(max(layer["sqnr_db"] / longest, 0), 1),
            layer["time_share"] / time,
            layer["weight_share"] / weights,
            layer["int8_ms"] / layer["time_ms"] if layer["int8_ms"] and layer["time_ms"] else None,
        )
        for layer in layers
    ]


_SHARES = ("time_share", "weight_share")


def plan_kind(plan: Record | None) -> str | None:
    """A plan (a LayerPlan as plain values) in a word or two: a key of PLANS, or an unknown precision."""
    if plan is None:
        return None
    precision = str(plan["precision"])
    if precision != "int8":
        return precision
    if plan.get("block") is not None:
        return "int8, by block"
    if plan.get("alpha") is None:
        return "int8, per tensor"
    return "int8, through norm" if plan.get("through") == "norm" else "int8, by channel"


def plan_details(plan: Record | None) -> str:
    """The rest of it: what differs from the defaults."""
    return ", ".join(f"{key} {value}" for key, value in (plan or {}).items() if key != "precision")


def legend(shown: Sequence[Bar]) -> dict[str, str]:
    """The colours that occur, by what they stand for, in the order of PLANS."""
    found = {bar.plan: bar.colour for bar in shown if bar.plan}
    return {plan: found[plan] for plan in [*PLANS, *found] if plan in found}


def heavy_floats(record: Record, share: float) -> list[str]:
    """The layers with more than that share of the weights that the plan left float, in words."""
    return [
        f"{layer['name']} ({layer['plan']['precision']}, {formats.percent(layer['weight_share'])} %)"
        for layer in record["layers"]
        if layer["plan"] and layer["plan"]["precision"] in FLOATS and layer["weight_share"] > share
    ]
