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
MEASURES = {"top1": "Top-1 accuracy, %", "agreement": "Top-1 agreement, %", "sqnr_db": "SQNR, dB"}
LATENCIES = {"latency_1_ms": "1 thread", "latency_all_ms": "all threads"}

_WIDTH, _HEIGHT = 1150.0, 350.0  # of the plot on a desktop screen, in pixels, to see which names collide


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

    The colour is the precision, and a thin line joins the artifacts of one model in one format. measure and
    latency are names of Row's fields (keys of MEASURES and LATENCIES). Rows that lack either figure are left
    out and counted under the figure's key `note`.
    """
    rows = [row for row in rows if row.device == device]
    shown = [row for row in rows if None not in (_height(row, measure), getattr(row, latency))]
    largest = max((row.bytes or 0 for row in shown), default=0) or 1
    data = _lines(shown, measure, latency) + _markers(shown, measure, latency, largest)
    axes = layout(f"Latency on {device}, ms ({LATENCIES[latency]})", MEASURES[measure])
    times = [float(getattr(row, latency)) for row in shown]
    heights = [height for row in shown if (height := _height(row, measure)) is not None]
    axes["xaxis"] |= _time_axis(times)
    axes["yaxis"] |= _height_axis(heights, measure)
    axes["legend"] |= {"itemsizing": "constant"}
    across = map(math.log10, times) if axes["xaxis"].get("type") == "log" else times
    axes["annotations"] = _names(list(zip(shown, across, heights, strict=True)), axes, largest)
    return {"data": data, "layout": axes, "note": _note(rows, shown, measure)}


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
            "name": precision if form == "ncnn" else f"{precision}, {form}",
            "text": [_hover(row, measure, latency) for row in group],
            "hovertemplate": "%{text}<extra></extra>",
            "cliponaxis": False,
            "marker": {
                "color": colour(precision),
                "symbol": SYMBOLS.get(form, "cross"),
                "size": [diameter(row.bytes, largest) for row in group],
                "opacity": 0.85,
                "line": {"width": 1, "color": "rgba(255,255,255,0.7)"},
            },
        }
        for (precision, form), group in groups.items()
    ]


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
    span = max(high - low, 1.0)
    top = high + 0.08 * span
    return {"range": [low - 0.14 * span, top if measure == "sqnr_db" else min(top, 100 + 0.06 * span)]}


def _names(places: Sequence[tuple[Row, float, float]], axes: Figure, largest: int) -> list[Figure]:
    """A label below each model's lowest artifact, left out where it would cover another one.

    places: rows with their place in the axes' own units, which are powers of ten on a logarithmic axis.
    """
    lowest: dict[str, tuple[Row, float, float]] = {}
    for place in places:
        model = place[0].model
        if model not in lowest or (place[2], place[1]) < (lowest[model][2], lowest[model][1]):
            lowest[model] = place
    labels = []
    taken: list[tuple[float, float, float]] = []
    for model, (row, across, up) in lowest.items():
        x = _WIDTH * across / _extent(axes["xaxis"])
        y = _HEIGHT * up / _extent(axes["yaxis"])
        half = 3.2 * len(model) + 3
        if any(
            abs(x - other_x) < half + other_half and abs(y - other_y) < 15
            for other_x, other_y, other_half in taken
        ):
            continue
        taken.append((x, y, half))
        labels.append(
            {
                "x": across,
                "y": up,
                "text": html.escape(model, quote=False),
                "showarrow": False,
                "yshift": -diameter(row.bytes, largest) / 2 - 9,
                "font": {"size": 11},
            }
        )
    return labels


def _extent(axis: Figure) -> float:
    low, high = axis["range"]
    return float(high - low)


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
