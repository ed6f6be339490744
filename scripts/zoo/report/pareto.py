"""Chart: what the search for an int8 model found, fidelity over latency, the size as the marker's area."""

import html
import math
from collections.abc import Sequence

from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.charts import COLOURS, GREY, Figure, diameter, layout
from zoo.report.row import Record

FIDELITIES = {
    "sqnr_db": "SQNR, dB",
    "agreement": "Top-1 agreement, %",
    "top1_drop": "Top-1 drop, percentage points",
}
_PALE = 0.4
_ROOM_DB = 4.0
"""A reference at least this far above the candidates is not drawn as a point."""


def measures(record: Record) -> dict[str, str]:
    """Those of `FIDELITIES` that the search took."""
    return {
        name: text
        for name, text in FIDELITIES.items()
        if any(each[name] is not None for each in record["candidates"])
    }


def pareto(record: Record, measure: str) -> Figure:
    """Latency over fp32's across, `measure` (a key of FIDELITIES) up, better being higher.

    record: of a search. The latencies are those timed in turn with fp32, for a machine's speed drifts from
    one candidate to the next. The file size is the marker's area. A stepped line joins the candidates that
    none as quick surpasses; the chosen one is ringed; limits of the target are dashed. fp32 and fp16 are
    points, or lines at their latency where they are so far up that the candidates would shrink to a spot.
    """
    candidates = [each for each in record["candidates"] if _place(each, measure)]
    limit, speedup = _limit(record, measure), record["target"].get("min_speedup")
    heights = _heights(candidates, measure) + ([] if limit is None else [limit])
    ceiling = math.inf
    if heights and measure == "sqnr_db":
        ceiling = max(heights) + max(max(heights) - min(heights), _ROOM_DB)
    points = [
        each for each in record["references"] if (place := _place(each, measure)) and place[1] <= ceiling
    ]
    beyond = [each for each in record["references"] if each not in points]

    everything = [*candidates, *record["references"]]
    largest = max(each["bytes"] for each in everything)
    data = [_front(candidates, measure)] if len(candidates) > 1 else []
    for name, meets in (("int8", True), ("int8, misses the target", False)):
        if group := [each for each in candidates if each["meets"] is meets]:
            data.append(_markers(name, group, measure, largest, "circle" if meets else "x-thin-open"))
    data += [_markers(each["name"], [each], measure, largest) for each in points]
    if chosen := [each for each in candidates if each["name"] == record["chosen"]]:
        data.append(_ring(chosen[0], measure, largest))

    lines = [_line("y", limit, "target")] if limit is not None else []
    lines += [_line("x", 1 / speedup, "target")] if speedup else []
    lines += [_line("x", 1 / each["speedup"], each["name"]) for each in beyond]
    labels = [_label("y", limit, "target")] if limit is not None else []
    labels += [_label("x", 1 / speedup, "target")] if speedup else []
    labels += [
        _label("x", 1 / each["speedup"], _named(each, measure), row) for row, each in enumerate(beyond)
    ]
    axes = layout(f"Latency on {record['device']} over fp32's (1 thread)", FIDELITIES[measure])
    axes["legend"] |= {"itemsizing": "constant"}
    latencies = [1 / each["speedup"] for each in everything] + ([1 / speedup] if speedup else [])
    margin = 0.08 * max(max(latencies) - min(latencies), 0.1)
    axes["xaxis"] |= {"range": [min(latencies) - margin, max(latencies) + margin]}
    axes["yaxis"] |= _height_axis([*heights, *_heights(points, measure)], measure)
    return {"data": data, "layout": axes | {"shapes": lines, "annotations": labels}}


def _place(candidate: Record, measure: str) -> tuple[float, float] | None:
    """Latency over fp32's, and height as drawn: shares in percent. None where one is unknown or infinite."""
    up = candidate[measure]
    if up is None or (measure == "sqnr_db" and abs(up) >= MAX_DB):
        return None
    return 1 / float(candidate["speedup"]), 100 * float(up) if measure == "agreement" else float(up)


def _heights(candidates: Sequence[Record], measure: str) -> list[float]:
    return [place[1] for each in candidates if (place := _place(each, measure))]


def _named(reference: Record, measure: str) -> str:
    """A reference with the figure that is too far up to be drawn."""
    finite = _place(reference, measure)
    return f"{reference['name']}, {formats.decibels(finite[1])} dB" if finite else reference["name"]


def _limit(record: Record, measure: str) -> float | None:
    """The target's limit as drawn. Without labels, every image that changes its class counts as a drop."""
    limit = record["target"].get("min_sqnr_db" if measure == "sqnr_db" else "max_top1_drop")
    if limit is None or measure == "sqnr_db":
        return limit and float(limit)
    if (measure == "agreement") == ("top1_drop" in measures(record)):
        return None
    return 100 - float(limit) if measure == "agreement" else float(limit)


def _points(candidates: Sequence[Record], measure: str) -> Figure:
    places = [place for each in candidates if (place := _place(each, measure))]
    return {"type": "scatter", "x": [place[0] for place in places], "y": [place[1] for place in places]}


def _markers(
    name: str, candidates: Sequence[Record], measure: str, largest: int, symbol: str = "circle"
) -> Figure:
    hidden = symbol.endswith("-open")
    return _points(candidates, measure) | {
        "mode": "markers",
        "name": name,
        "text": [_hover(each) for each in candidates],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
        "marker": {
            "color": COLOURS.get(name.split(",")[0], GREY),
            "symbol": symbol,
            "size": [diameter(each["bytes"], largest) for each in candidates],
            "opacity": [0.9 if each.get("front", True) else _PALE for each in candidates],
            "line": {"width": 2} if hidden else {"width": 1, "color": "rgba(255,255,255,0.7)"},
        },
    }


def _front(candidates: Sequence[Record], measure: str) -> Figure:
    """The line that joins candidates, from the quickest on, each better than all before."""
    sign = -1 if measure == "top1_drop" else 1
    front: list[Record] = []
    best = -math.inf
    for each in sorted(candidates, key=lambda each: (-each["speedup"], -sign * each[measure])):
        if sign * each[measure] > best:
            best = sign * each[measure]
            front.append(each)
    return _points(front, measure) | {
        "mode": "lines",
        "line": {"color": GREY, "width": 1.5, "shape": "hv"},
        "name": "front",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _ring(chosen: Record, measure: str, largest: int) -> Figure:
    return _points([chosen], measure) | {
        "mode": "markers",
        "name": "chosen",
        "hoverinfo": "skip",
        "cliponaxis": False,
        "marker": {
            "size": diameter(chosen["bytes"], largest) + 9,
            "symbol": "circle-open",
            "color": COLOURS["int8"],
            "line": {"width": 2.5},
        },
    }


def _height_axis(values: Sequence[float], measure: str) -> Figure:
    """Room around the values; the smaller drop is higher, and a share hardly passes 100 %."""
    if not values:
        return {}
    low, high = min(values), max(values)
    margin = 0.12 * max(high - low, 0.5)
    if measure == "top1_drop":
        return {"range": [high + margin, low - margin]}
    top = high + margin
    return {"range": [low - margin, min(top, 100 + margin / 2) if measure == "agreement" else top]}


def _line(axis: str, at: float, name: str) -> Figure:
    """A line across the whole plot where `axis` is `at`: dotted for a reference, dashed for a target."""
    other = "y" if axis == "x" else "x"
    style = {"color": COLOURS.get(name, GREY), "width": 1.5, "dash": "dot" if name in COLOURS else "dash"}
    ends = {f"{axis}0": at, f"{axis}1": at, f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper"}
    return {"type": "line", "layer": "below", "line": style} | ends


def _label(axis: str, at: float, text: str, row: int = 0) -> Figure:
    """What such a line is, at its left end or its top; `row` keeps those of close lines apart."""
    label = {"text": html.escape(text, quote=False), "showarrow": False, "font": {"size": 11}}
    if axis == "y":
        return label | {"x": 0, "xref": "paper", "xanchor": "left", "y": at, "yanchor": "bottom"}
    place = {"x": at, "xanchor": "right", "xshift": -3, "y": 1, "yref": "paper", "yanchor": "top"}
    return label | place | {"yshift": -15 * row}


def _hover(candidate: Record) -> str:
    drop = candidate["top1_drop"]
    lines = [
        f"<b>{html.escape(candidate['name'], quote=False)}</b>",
        f"{formats.milliseconds(candidate['latency_ms'])} ms, "
        f"{formats.ratio(1 / candidate['speedup'])} of fp32",
        f"SQNR {formats.decibels(candidate['sqnr_db'])} dB",
        f"agreement {formats.percent(candidate['agreement'])} %",
        f"top-1 drop {formats.points(drop)} points" if drop is not None else "",
        f"{formats.millions(candidate['bytes'])} MB",
        f"{formats.percent(candidate['int8_weights'])} % of the weights in int8",
    ]
    return "<br>".join(line for line in lines if line)
