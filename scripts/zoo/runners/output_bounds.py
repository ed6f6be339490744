"""How large the outputs of a model can be, where the operator at their end says so."""

from collections.abc import Sequence
from pathlib import Path

from zoo.ncnn.graph import read_param

GATES = {"Sigmoid": 1.0, "HardSigmoid": 1.0, "Tanh": 1.0, "TanH": 1.0, "Softsign": 1.0}
"""Operators of ONNX, or of ncnn, whose values are never above a bound, and may all be next to zero."""
SHARES = {"Softmax": 1.0}
"""The same of those whose values are shares, which are never all next to zero."""
MOVING = ("Reshape", "Transpose", "Permute", "Flatten", "Squeeze", "ExpandDims", "Unsqueeze", "Identity")
"""Operators that hand on values as they are."""

Ends = dict[str, tuple[str, str]]
"""Of each value the operator that makes it, and the first that this one reads."""


def output_bounds(files: Sequence[Path], shares: bool = True) -> tuple[float | None, ...]:
    """Of each output of an ONNX file, or of an ncnn pair, the largest absolute value that it can have.

    None where nothing bounds it. shares: whether a softmax counts as a bound.
    """
    ends, names = _of_onnx(files[0]) if files[0].suffix == ".onnx" else _of_ncnn(files[0])
    bounds = GATES | (SHARES if shares else {})
    return tuple(_bound(name, ends, bounds) for name in names)


def _bound(name: str, ends: Ends, bounds: dict[str, float]) -> float | None:
    operator, source = ends.get(name, ("", ""))
    while operator in MOVING:
        operator, source = ends.get(source, ("", ""))
    return bounds.get(operator)


def _of_onnx(path: Path) -> tuple[Ends, list[str]]:
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    nodes = [node for node in graph.node if node.input]
    ends = {name: (node.op_type, node.input[0]) for node in nodes for name in node.output}
    return ends, [each.name for each in graph.output]


def _of_ncnn(path: Path) -> tuple[Ends, list[str]]:
    layers = read_param(path).layers
    ends = {name: (each.type, each.inputs[0]) for each in layers if each.inputs for name in each.outputs}
    names = [name for name in ends if name.startswith("out") and name[3:].isdigit()]
    return ends, sorted(names, key=lambda name: int(name[3:]))
