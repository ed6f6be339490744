"""How large the outputs of an ONNX model can be, where the operator that makes them says so."""

from pathlib import Path

BOUNDED = ("Sigmoid", "HardSigmoid", "Softmax", "Tanh", "Softsign", "Sin", "Cos")
"""Operators whose values are never above 1."""
MOVING = ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Slice", "Gather", "Concat")
"""Operators that hand on values as they are."""


def output_bounds(path: Path) -> tuple[float | None, ...]:
    """Of each output, the largest absolute value that it can have; None where nothing bounds it."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    makers = {name: node for node in graph.node for name in node.output}

    def bound(name: str) -> float | None:
        node = makers.get(name)
        if node is None:
            return None
        if node.op_type in BOUNDED:
            return 1.0
        if node.op_type == "Concat":
            each = [bound(given) for given in node.input]
            return max((one for one in each if one is not None), default=None) if None not in each else None
        return bound(node.input[0]) if node.op_type in MOVING else None

    return tuple(bound(each.name) for each in graph.output)
