"""Chart: how the error of an artifact grows from layer to layer."""

import html
from collections.abc import Iterable, Sequence

from zoo.config.records.verification import LayerDifference, Verification
from zoo.measure.metrics import MAX_DB
from zoo.report import formats
from zoo.report.artifact_names import precision_and_format
from zoo.report.charts.style import Figure, colour, layout

DASHES = {"ncnn": "solid", "ONNX": "dot", "TorchScript": "dash"}
_FLOOR_DB = -20.0  # a layer that is not a number is drawn here
_RING = {"size": 13, "symbol": "circle-open", "color": "#d1453b", "line": {"width": 2.5}}


def depth(proofs: Iterable[Verification], device: str) -> Figure | None:
    """SQNR of every layer's output against fp32, a line per artifact, the first diverging layer ringed.

    proofs: of one model. None if none of those on `device` compares layers.
    """
    lines, rings = [], []
    for proof in proofs:
        divergence = proof.divergence
        if proof.device != device or not divergence or not divergence.layers:
            continue
        lines.append(line(proof.artifact, divergence.layers))
        if divergence.first:
            rings.append(_ring(proof.artifact, divergence.layers, divergence.first))
    if not lines:
        return None
    axes = layout("Layer, in the graph's order", "SQNR against fp32, dB")
    return {"data": lines + rings, "layout": axes, "device": device}


def line(artifact: str, layers: Sequence[LayerDifference]) -> Figure:
    """SQNR of an artifact's layers; those without any noise are gaps, for their SQNR is infinite."""
    precision, form = precision_and_format(artifact)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": artifact,
        "x": list(range(1, len(layers) + 1)),
        "y": [_height(layer) for layer in layers],
        "text": [_layer_hover(layer) for layer in layers],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": colour(precision), "width": 1.6, "dash": DASHES.get(form, "dashdot")},
        "marker": {"size": 4},
    }


def _height(layer: LayerDifference) -> float | None:
    return None if layer.sqnr_db >= MAX_DB else max(layer.sqnr_db, _FLOOR_DB)


def _ring(artifact: str, layers: Sequence[LayerDifference], first: LayerDifference) -> Figure:
    index = next(place for place, layer in enumerate(layers) if layer.blob == first.blob)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{artifact}: first to diverge",
        "x": [index + 1],
        "y": [_height(layers[index])],
        "hoverinfo": "skip",
        "marker": _RING,
    }


def _layer_hover(layer: LayerDifference) -> str:
    name = html.escape(f"{layer.layer} ({layer.type})", quote=False)
    return f"<b>{name}</b><br>{formats.decibels(layer.sqnr_db)} dB, cosine {formats.cosine(layer.cosine)}"
