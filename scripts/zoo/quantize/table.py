"""The int8 calibration table, in the text format of ncnn's own tools.

One line a key: `<layer>_param_0 s s …` holds the weight scales, `<layer> s` the activation scale. Scales
are multipliers, 127 / absmax. Format: ncnn `tools/quantize/ncnn2table.cpp` (save_table) and
`ncnn2int8.cpp` (read_int8scale_table), which stops at an empty line and takes any key that contains
`_param_` for weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.array_types import Floats
from zoo.errors import ZooError
from zoo.jobs.files import regular, replacing
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Convolution
from zoo.ncnn.weights import QUANTIZABLE, scale_count

_MARK = "_param_"
_WEIGHT_KEY = "_param_0"


@dataclass(frozen=True, eq=False)
class CalibrationTable:
    """Scales by layer name.

    weights: float32, one per output channel, or one per group of a ConvolutionDepthWise layer.
    activations: of the input blob, one per layer (symmetric, per tensor); float32 values.
    """

    weights: Mapping[str, Floats]
    activations: Mapping[str, float]


def read_table(path: str | Path) -> CalibrationTable:
    """Read a table. Raises ZooError, naming the line, for what the official tools would misread."""
    try:
        text = regular(path).read_bytes().decode()
    except FileNotFoundError:
        raise ZooError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise ZooError(f"{path}: not a calibration table, which is text") from None
    return parse_table(text, str(path))


def parse_table(text: str, path: str) -> CalibrationTable:
    """The same for the text of a table; `path` is what messages call it."""
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise ZooError(f"{path}: the calibration table is empty")
    weights: dict[str, Floats] = {}
    activations: dict[str, float] = {}
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        key, scales = _parse_line(line, where)
        layer = key.removesuffix(_WEIGHT_KEY)
        if _MARK in layer:
            raise ZooError(
                f"{where}: {key} is not the weight or activation of a {_listed(QUANTIZABLE)} layer"
            )
        if layer in (activations if layer == key else weights):
            raise ZooError(f"{where}: {key} appears a second time")
        if layer != key:
            weights[layer] = scales
        elif scales.size == 1:
            activations[layer] = float(scales[0])
        else:
            raise ZooError(f"{where}: {key} has {scales.size} activation scales; ncnn takes one")
    return CalibrationTable(weights, activations)


def _parse_line(line: str, where: str) -> tuple[str, Floats]:
    key, *texts = line.split() or [""]
    if not key:
        raise ZooError(f"{where}: an empty line, where ncnn's tools stop reading; remove it")
    if not texts:
        raise ZooError(f"{where}: {key} has no scales")
    try:
        return key, np.array([float(text) for text in texts], dtype=np.float32)
    except ValueError:
        raise ZooError(f"{where}: {key} has a scale that is not a number") from None


def format_table(table: CalibrationTable) -> str:
    """The text of a table: all weights, then all activations, as ncnn2table writes it.

    Nine significant digits give every float32 back exactly.
    """
    lines = [f"{name}{_WEIGHT_KEY} {_text(scales)}\n" for name, scales in table.weights.items()]
    lines += [f"{name} {_text([scale])}\n" for name, scale in table.activations.items()]
    return "".join(lines)


def write_table(table: CalibrationTable, path: str | Path) -> None:
    """Write a table as `format_table` has it."""
    with replacing(path) as (temporary,):
        temporary.write_text(format_table(table), newline="\n")


def _text(scales: Floats | list[float]) -> str:
    return " ".join(f"{scale:.9g}" for scale in np.array(scales, dtype=np.float32))


def check_table(table: CalibrationTable, graph: Graph) -> list[str]:
    """The problems of this table for this model, one sentence each; empty if every layer of it fits."""
    problems = []
    if not table.weights and not table.activations:
        problems.append("the table has no layer")
    for name in dict.fromkeys((*table.weights, *table.activations)):
        if name not in graph:
            problems.append(f"layer {name} is in the table but not in the model")
        elif graph[name].type not in QUANTIZABLE:
            problems.append(f"{graph[name]} is in the table, but only {_listed(QUANTIZABLE)} can be int8")
        elif graph[name].type != "InnerProduct" and graph[name].param(Convolution.DYNAMIC_WEIGHT):
            problems.append(f"{graph[name]} is in the table, but its weights come from another layer")
        else:
            problems += [f"{graph[name]}: {fault}" for fault in _faults(table, graph[name])]
    return problems


def _faults(table: CalibrationTable, layer: Layer) -> list[str]:
    faults = []
    if _MARK in layer.name:
        faults.append(f"a name with {_MARK!r} in it cannot be told from a weight key; rename the layer")
    if layer.name not in table.weights:
        faults.append(f"has an activation scale but no {layer.name}{_WEIGHT_KEY}")
    else:
        scales = table.weights[layer.name]
        if scales.size != scale_count(layer):
            faults.append(f"has {scales.size} weight scales, needs {scale_count(layer)}")
        if bad := int(np.count_nonzero(~(np.isfinite(scales) & (scales > 0)))):
            faults.append(f"has {bad} weight scales that are zero, negative or not finite")
    if layer.name not in table.activations:
        faults.append("has weight scales but no activation scale")
    else:
        scale = table.activations[layer.name]
        if not (np.isfinite(scale) and scale > 0):
            faults.append(f"has the activation scale {scale}, which must be finite and above zero")
    return faults


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
