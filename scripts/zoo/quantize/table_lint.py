"""Lint of a calibration table against a model, and the import of one that another tool made."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zoo.array_types import Floats
from zoo.errors import ZooError
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.weights import QUANTIZABLE
from zoo.quantize.scales import weight_rows
from zoo.quantize.table import CalibrationTable, check_table, read_table

FEW_IMAGES = 10
"""With fewer calibration images than this, ranges are likely to be exceeded."""

# 127 / absmax is the usual weight scale; ncnn2table uses 31 / absmax for 3x3 kernels, and its aciq clips
# down to a few tenths of absmax.
_COARSEST, _FINEST = 30.0, 127.0 * 10


@dataclass(frozen=True)
class Finding:
    """One sentence about a table. error: the table cannot be used; else it can, with what it says."""

    text: str
    error: bool

    def __str__(self) -> str:
        return f"{'error' if self.error else 'warning'}: {self.text}"


def lint_table(table: CalibrationTable, graph: Graph, images: int | None = None) -> list[Finding]:
    """What is wrong or odd about this table for this fp32 model; errors first, empty if nothing is.

    Errors are those of `table.check_table`. Warnings: layers that could be int8 and are not in the table,
    weight scales that do not fit the weights (a table of another model), and fewer than `FEW_IMAGES` images.
    images: how many the table was made from, if that is known.
    """
    errors = [Finding(text, error=True) for text in check_table(table, graph)]
    if images is not None and images < 1:
        errors.append(Finding("the table was made from no image at all", error=True))
    warnings = []
    listed = {*table.weights, *table.activations}
    missing = [layer for layer in _constant_layers(graph) if layer.name not in listed]
    for layer in missing:
        warnings.append(f"{layer} is not in the table and stays float")
    for name, scales in table.weights.items():
        if name in graph and (odd := _odd_scales(graph[name], scales)):
            warnings.append(odd)
    if images is not None and 1 <= images < FEW_IMAGES:
        warnings.append(f"only {images} calibration images: ranges will be exceeded; use some 100")
    return errors + [Finding(text, error=False) for text in warnings]


def import_table(path: str | Path, graph: Graph, images: int | None = None) -> CalibrationTable:
    """A table that another tool made, such as ncnn2table, checked and ready for `scales.quantize`.

    All its layers are taken, depthwise ones too. ncnn2table gives a channel whose weights are all zero the
    scale inf; it becomes 1, which quantizes it as exactly. What is odd is logged.
    Raises ZooError, naming the file and every error, if the table does not fit the model.
    """
    table = read_table(path)
    table = replace(table, weights=_without_dead_rows(table.weights, graph))
    findings = lint_table(table, graph, images)
    if errors := [finding.text for finding in findings if finding.error]:
        raise ZooError(f"{path}: the calibration table does not fit the model: {'; '.join(errors)}")
    for finding in findings:
        logging.warning("%s: %s", path, finding.text)
    return table


def _constant_layers(graph: Graph) -> list[Layer]:
    return [layer for layer in graph.of_type(*QUANTIZABLE) if "weight" in layer.weights]


def _rows(layer: Layer, scales: Floats) -> Floats | None:
    """The layer's weights, a row a scale; None if the scales are not its."""
    if layer.type not in QUANTIZABLE or "weight" not in layer.weights:
        return None
    rows = weight_rows(layer)
    return rows if len(rows) == scales.size else None


def _odd_scales(layer: Layer, scales: Floats) -> str | None:
    rows = _rows(layer, scales)
    if rows is None:
        return None
    absmax = np.abs(rows).max(axis=1)
    live = (absmax > 0) & np.isfinite(scales)
    steps = absmax[live] * scales[live]
    odd = int(np.count_nonzero((steps < _COARSEST) | (steps > _FINEST)))
    if not odd:
        return None
    return (
        f"{layer}: {odd} of {scales.size} weight scales do not fit its weights (the largest weight becomes "
        f"{steps.min():.3g} to {steps.max():.3g} steps, not 127); was the table made for another model?"
    )


def _without_dead_rows(weights: Mapping[str, Floats], graph: Graph) -> dict[str, Floats]:
    alive = {}
    for name, scales in weights.items():
        rows = _rows(graph[name], scales) if name in graph else None
        dead = np.zeros(scales.size, bool) if rows is None else ~rows.any(axis=1) & np.isinf(scales)
        alive[name] = np.where(dead, np.float32(1), scales)
    return alive
