"""Chart: what the search for an int8 model found, fidelity over latency, the size as the marker's area."""

import html
import math
from collections.abc import Sequence

from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.charts.style import COLOURS, GREY, Figure, diameter, layout
from zoo.search.outcome import Candidate, SearchOutcome, SearchResult
from zoo.search.trials import Trial

FIDELITIES = {
    "sqnr_db": "SQNR, dB",
    "agreement": "Top-1 agreement, %",
    "top1_drop": "Top-1 drop, percentage points",
}
_PALE = 0.4
_ROOM_DB = 4.0
"""A reference at least this far above the candidates is not drawn as a point."""


def measures(result: SearchResult) -> dict[str, str]:
    """Those of `FIDELITIES` that the search took; none where nothing was timed, and there is nothing to draw
    them over."""
    if any(candidate.speedup is None for candidate in result.candidates):
        return {}
    return {
        name: text
        for name, text in FIDELITIES.items()
        if any(getattr(candidate, name) is not None for candidate in result.candidates)
    }


def pareto(outcome: SearchOutcome, measure: str) -> Figure:
    """Latency over fp32's across, `measure` (a key of FIDELITIES) up, better being higher.

    The latencies are those timed in turn with fp32, for a machine's speed drifts from one candidate to the
    next. The file size is the marker's area. A stepped line joins the candidates that none as quick
    surpasses; the chosen one is ringed; limits of the target are dashed. fp32 and fp16 are points, or lines
    at their latency where they are so far up that the candidates would shrink to a spot.
    """
    candidates = [candidate for candidate in outcome.candidates if _place(candidate, measure)]
    limit, speedup = _limit(outcome, measure), outcome.target.get("min_speedup")
    heights = _heights(candidates, measure) + ([] if limit is None else [limit])
    points = _points_among(outcome.references, heights, measure)
    beyond = [reference for reference in outcome.references if reference not in points]
    trials = [*candidates, *outcome.references]
    axes = layout(f"Latency on {outcome.device} over fp32's (1 thread)", FIDELITIES[measure])
    axes["legend"] |= {"itemsizing": "constant"}
    axes["xaxis"] |= _time_axis([_ratio(trial) for trial in trials] + ([1 / speedup] if speedup else []))
    axes["yaxis"] |= _height_axis([*heights, *_heights(points, measure)], measure)
    lines, labels = _target(limit, speedup)
    lines += [_line("x", _ratio(reference), reference.name) for reference in beyond]
    labels += [
        _label("x", _ratio(reference), _named(reference, measure), row)
        for row, reference in enumerate(beyond)
    ]
    data = _data(candidates, points, outcome.chosen, measure, max(trial.bytes for trial in trials))
    return {"data": data, "layout": axes | {"shapes": lines, "annotations": labels}}


def _points_among(references: Sequence[Trial], heights: Sequence[float], measure: str) -> list[Trial]:
    """The references that are drawn as points: those whose figure is not far above the candidates'."""
    ceiling = math.inf
    if heights and measure == "sqnr_db":
        ceiling = max(heights) + max(max(heights) - min(heights), _ROOM_DB)
    return [
        reference for reference in references if (place := _place(reference, measure)) and place[1] <= ceiling
    ]


def _data(
    candidates: Sequence[Candidate], points: Sequence[Trial], chosen: str | None, measure: str, largest: int
) -> list[Figure]:
    data = [_front(candidates, measure)] if len(candidates) > 1 else []
    for name, meets in (("int8", True), ("int8, misses the target", False)):
        if group := [candidate for candidate in candidates if candidate.meets is meets]:
            data.append(_markers(name, group, measure, largest, "circle" if meets else "x-thin-open"))
    data += [_markers(reference.name, [reference], measure, largest) for reference in points]
    return data + [_ring(candidate, measure, largest) for candidate in candidates if candidate.name == chosen]


def _target(limit: float | None, speedup: float | None) -> tuple[list[Figure], list[Figure]]:
    """Lines and labels of the target's limits."""
    places = [("y", limit)] if limit is not None else []
    places += [("x", 1 / speedup)] if speedup else []
    return (
        [_line(axis, at, "target") for axis, at in places],
        [_label(axis, at, "target") for axis, at in places],
    )


def _ratio(trial: Trial) -> float:
    """Its latency over fp32's, in a search that was timed."""
    assert trial.time_ratio is not None
    return trial.time_ratio


def _time_axis(latencies: Sequence[float]) -> Figure:
    margin = 0.08 * max(max(latencies) - min(latencies), 0.1)
    return {"range": [min(latencies) - margin, max(latencies) + margin]}


def _place(trial: Trial, measure: str) -> tuple[float, float] | None:
    """Latency over fp32's, and height as drawn: shares in percent. None where one is unknown or infinite."""
    up: float | None = getattr(trial, measure)
    if up is None or (measure == "sqnr_db" and abs(up) >= MAX_DB):
        return None
    return _ratio(trial), 100 * up if measure == "agreement" else up


def _heights(trials: Sequence[Trial], measure: str) -> list[float]:
    return [place[1] for trial in trials if (place := _place(trial, measure))]


def _named(reference: Trial, measure: str) -> str:
    """A reference with the figure that is too far up to be drawn."""
    finite = _place(reference, measure)
    return f"{reference.name}, {formats.decibels(finite[1])} dB" if finite else reference.name


def _limit(result: SearchResult, measure: str) -> float | None:
    """The target's limit as drawn. Without labels, every image that changes its class counts as a drop."""
    limit = result.target.get("min_sqnr_db" if measure == "sqnr_db" else "max_top1_drop")
    if limit is None or measure == "sqnr_db":
        return limit
    if (measure == "agreement") == ("top1_drop" in measures(result)):
        return None
    return 100 - limit if measure == "agreement" else limit


def _points(trials: Sequence[Trial], measure: str) -> Figure:
    places = [place for trial in trials if (place := _place(trial, measure))]
    return {"type": "scatter", "x": [place[0] for place in places], "y": [place[1] for place in places]}


def _markers(
    name: str, trials: Sequence[Trial], measure: str, largest: int, symbol: str = "circle"
) -> Figure:
    hidden = symbol.endswith("-open")
    return _points(trials, measure) | {
        "mode": "markers",
        "name": name,
        "text": [_hover(trial) for trial in trials],
        "hovertemplate": "%{text}<extra></extra>",
        "cliponaxis": False,
        "marker": {
            "color": COLOURS.get(name.split(",")[0], GREY),
            "symbol": symbol,
            "size": [diameter(trial.bytes, largest) for trial in trials],
            "opacity": [_opacity(trial) for trial in trials],
            "line": {"width": 2} if hidden else {"width": 1, "color": "rgba(255,255,255,0.7)"},
        },
    }


def _opacity(trial: Trial) -> float:
    return _PALE if isinstance(trial, Candidate) and not trial.front else 0.9


def _front(candidates: Sequence[Candidate], measure: str) -> Figure:
    """The line that joins candidates, from the quickest on, each better than all before."""
    sign = -1 if measure == "top1_drop" else 1
    front: list[Candidate] = []
    best = -math.inf

    def height(candidate: Candidate) -> float:
        return sign * float(getattr(candidate, measure))

    for candidate in sorted(candidates, key=lambda candidate: (_ratio(candidate), -height(candidate))):
        if height(candidate) > best:
            best = height(candidate)
            front.append(candidate)
    return _points(front, measure) | {
        "mode": "lines",
        "line": {"color": GREY, "width": 1.5, "shape": "hv"},
        "name": "front",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _ring(chosen: Candidate, measure: str, largest: int) -> Figure:
    return _points([chosen], measure) | {
        "mode": "markers",
        "name": "chosen",
        "hoverinfo": "skip",
        "cliponaxis": False,
        "marker": {
            "size": diameter(chosen.bytes, largest) + 9,
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


def _hover(trial: Trial) -> str:
    drop = trial.top1_drop
    lines = [
        f"<b>{html.escape(trial.name, quote=False)}</b>",
        f"{formats.milliseconds(trial.latency_ms)} ms, {formats.ratio(trial.time_ratio)} of fp32",
        f"SQNR {formats.decibels(trial.sqnr_db)} dB",
        f"agreement {formats.percent(trial.agreement)} %",
        f"top-1 drop {formats.points(drop)} points" if drop is not None else "",
        f"{formats.millions(trial.bytes)} MB",
        f"{formats.percent(trial.int8_weights)} % of the weights in int8",
    ]
    return "<br>".join(line for line in lines if line)
