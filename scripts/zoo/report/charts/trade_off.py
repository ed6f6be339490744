"""Chart: accuracy over latency, with the file size as the marker's area."""

import html
import math
from collections import defaultdict
from collections.abc import Sequence

from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.charts.style import Figure, colour, diameter, layout
from zoo.report.row import Row

SYMBOLS = {"ncnn": "circle", "ONNX": "diamond", "TorchScript": "square"}
MEASURES = {"sqnr_db": "SQNR, dB", "agreement": "Top-1 agreement, %", "top1": "Top-1 accuracy, %"}
LATENCIES = {"latency_1_ms": "1 thread", "latency_all_ms": "all threads"}


def trade_offs(rows: Sequence[Row]) -> dict[str, Figure]:
    """A figure of `trade_off` for each choice of the reader, under "device|measure|latency"."""
    return {
        f"{device}|{measure}|{latency}": trade_off(rows, device, measure, latency)
        for device in dict.fromkeys(row.device for row in rows)
        for measure in MEASURES
        for latency in LATENCIES
    }


def trade_off(rows: Sequence[Row], device: str, measure: str, latency: str) -> Figure:
    """Of the artifacts on `device`: latency in ms across, `measure` up, file size as the marker's area.

    A panel a model, under `panels`, of those that have both figures: models differ by more than artifacts of
    one do. The colour is the precision, and a thin line joins the artifacts of one format. measure and
    latency are names of Row's fields (keys of MEASURES and LATENCIES). Rows that lack either figure are left
    out and counted under the figure's key `note`.
    """
    rows = [row for row in rows if row.device == device]
    shown = [row for row in rows if None not in (_height(row, measure), getattr(row, latency))]
    models: dict[str, list[Row]] = defaultdict(list)
    for row in shown:
        models[row.model].append(row)
    panels = {model: _panel(own, device, measure, latency) for model, own in models.items()}
    return {"panels": panels, "note": _note(rows, shown, measure)}


def legend(rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
    """What a marker stands for -> its colour and its symbol."""
    kinds = dict.fromkeys((row.precision, row.format) for row in rows)
    return {
        _kind(precision, form): (colour(precision), SYMBOLS.get(form, "cross")) for precision, form in kinds
    }


def _panel(rows: Sequence[Row], device: str, measure: str, latency: str) -> Figure:
    largest = max((row.bytes or 0 for row in rows), default=0) or 1
    axes = layout(f"{LATENCIES[latency]}, ms", MEASURES[measure])
    axes["xaxis"] |= _time_axis([float(getattr(row, latency)) for row in rows])
    axes["yaxis"] |= _height_axis(
        [height for row in rows if (height := _height(row, measure)) is not None], measure
    )
    axes |= {"showlegend": False, "margin": {"l": 52, "r": 20, "t": 12, "b": 44}}
    data = _lines(rows, measure, latency) + _markers(rows, measure, latency, largest)
    return {"data": data, "layout": axes}


def _lines(rows: Sequence[Row], measure: str, latency: str) -> list[Figure]:
    """A thin line through the artifacts of each model in each format."""
    paths: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        paths[row.model, row.format].append(row)
    return [
        {
            **_points(path, measure, latency),
            "mode": "lines",
            "line": {"color": "#8b94a1", "width": 1},
            "opacity": 0.45,
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for path in paths.values()
        if len(path) > 1
    ]


def _markers(rows: Sequence[Row], measure: str, latency: str, largest: int) -> list[Figure]:
    """The artifacts of each precision in each format. largest: the size in bytes of the largest marker."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.precision, row.format].append(row)
    return [
        {
            **_points(group, measure, latency),
            "mode": "markers",
            "name": _kind(precision, form),
            "text": [_hover(row, measure, latency) for row in group],
            "hovertemplate": "%{text}<extra></extra>",
            "cliponaxis": False,
            "marker": {
                "color": colour(precision),
                "symbol": SYMBOLS.get(form, "cross"),
                "size": [diameter(row.bytes, largest) for row in group],
                "opacity": [0.3 if _doubt(row, latency) else 0.85 for row in group],
                "line": {"width": 1, "color": "rgba(255,255,255,0.7)"},
            },
        }
        for (precision, form), group in groups.items()
    ]


def _kind(precision: str, form: str) -> str:
    return precision if form == "ncnn" else f"{precision}, {form}"


def _doubt(row: Row, latency: str) -> str | None:
    return row.doubt_1 if latency == "latency_1_ms" else row.doubt_all


def _points(rows: Sequence[Row], measure: str, latency: str) -> Figure:
    across = [getattr(row, latency) for row in rows]
    return {"type": "scatter", "x": across, "y": [_height(row, measure) for row in rows]}


def _height(row: Row, measure: str) -> float | None:
    """The figure as drawn: shares in percent; an SQNR at the limit of what is measured is no figure."""
    value: float | None = getattr(row, measure)
    if value is None or measure != "sqnr_db":
        return None if value is None else 100 * value
    return value if abs(value) < MAX_DB else None


def _time_axis(values: Sequence[float]) -> Figure:
    """Logarithmic with ticks at 1, 2, 5, 10 … where the values span enough of them, else from zero."""
    if not values:
        return {}
    if max(values) < 8 * min(values):
        return {"range": [0, 1.08 * max(values)]}
    low, high = math.log10(min(values)), math.log10(max(values))
    powers = range(math.floor(low) - 1, math.ceil(high) + 2)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return {
        "type": "log",
        "range": [low - 0.1, high + 0.1],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }


def _height_axis(values: Sequence[float], measure: str) -> Figure:
    """Room around the values, most of it below, for names; a share hardly passes 100 %."""
    if not values:
        return {}
    low, high = min(values), max(values)
    span = max(high - low, 20.0 if measure == "sqnr_db" else 1.0)
    top = high + 0.08 * span
    return {"range": [low - 0.14 * span, top if measure == "sqnr_db" else min(top, 100 + 0.06 * span)]}


def _hover(row: Row, measure: str, latency: str) -> str:
    ratio = row.ratio_1 if latency == "latency_1_ms" else row.ratio_all
    lines = [
        f"<b>{html.escape(row.model, quote=False)}</b>",
        f"{row.precision} {row.format} on {row.device}",
        f"{formats.milliseconds(getattr(row, latency))} ms"
        + (f", {formats.ratio(ratio)} of {row.reference}" if ratio is not None else ""),
        f"top-1 {formats.percent(row.top1)} %" if row.top1 is not None else "",
        f"agreement {formats.percent(row.agreement)} %" if row.agreement is not None else "",
        f"SQNR {formats.decibels(row.sqnr_db)} dB" if row.sqnr_db is not None else "",
        f"{formats.millions(row.bytes)} MB" if row.bytes is not None else "",
        "this time is in doubt" if _doubt(row, latency) else "",
        f"verdict: {row.verdict}" if row.verdict == "failed" else "",
    ]
    return "<br>".join(line for line in lines if line)


def _note(rows: Sequence[Row], shown: Sequence[Row], measure: str) -> str:
    sentences = []
    if missing := len(rows) - len(shown):
        what = MEASURES[measure].split(",")[0]
        what = what if what.isupper() else what[0].lower() + what[1:]
        beyond = ", or because they agree exactly" if measure == "sqnr_db" else ""
        sentences.append(
            f"Not shown for want of {what} or latency{beyond}: {missing} of {len(rows)} artifacts."
        )
    for name in dict.fromkeys(row.hardware for row in shown if row.software_gpu):
        sentences.append(f"{name} is a software GPU: these latencies say nothing about real GPUs.")
    return " ".join(sentences)
