"""Chart: how the error of an artifact grows from layer to layer."""

import html
from collections.abc import Iterable

from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.charts import Figure, colour, layout
from zoo.report.row import Record, precision_and_format

DASHES = {"ncnn": "solid", "ONNX": "dot", "TorchScript": "dash"}
_FLOOR_DB = -20.0  # a layer that is not a number is drawn here


def depth(records: Iterable[Record], device: str) -> Figure | None:
    """SQNR of every layer's output against fp32, a line per artifact, the first diverging layer ringed.

    records: verification records of one model. None if none of those on `device` compares layers.
    Layers without any noise are gaps: their SQNR is infinite.
    """
    lines = []
    rings = []
    for record in records:
        divergence = record["divergence"]
        if record["device"] != device or not divergence or not divergence["layers"]:
            continue
        layers = divergence["layers"]
        precision, form = precision_and_format(record["artifact"])
        heights = [
            None if layer["sqnr_db"] >= MAX_DB else max(layer["sqnr_db"], _FLOOR_DB) for layer in layers
        ]
        style = {"color": colour(precision), "width": 1.6, "dash": DASHES.get(form, "dashdot")}
        lines.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": record["artifact"],
                "x": list(range(1, len(layers) + 1)),
                "y": heights,
                "text": [_layer_hover(layer) for layer in layers],
                "hovertemplate": "%{text}<extra></extra>",
                "line": style,
                "marker": {"size": 4},
            }
        )
        if divergence["first"]:
            index = next(i for i, layer in enumerate(layers) if layer["blob"] == divergence["first"]["blob"])
            rings.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": f"{record['artifact']}: first to diverge",
                    "x": [index + 1],
                    "y": [heights[index]],
                    "hoverinfo": "skip",
                    "marker": {
                        "size": 13,
                        "symbol": "circle-open",
                        "color": "#d1453b",
                        "line": {"width": 2.5},
                    },
                }
            )
    if not lines:
        return None
    axes = layout("Layer, in the graph's order", "SQNR against fp32, dB")
    return {"data": lines + rings, "layout": axes, "device": device}


def _layer_hover(layer: Record) -> str:
    name = html.escape(f"{layer['layer']} ({layer['type']})", quote=False)
    return (
        f"<b>{name}</b><br>{formats.decibels(layer['sqnr_db'])} dB, cosine {formats.cosine(layer['cosine'])}"
    )
