"""A small ONNX file made by hand."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save


def save_flexible(folder: Path, batch: str) -> Path:
    """fp32.onnx: 3 x 8 x 8 -> inner product of 5; batch: a number, or a name for any batch."""
    weights = np.random.default_rng(0).standard_normal((192, 5)).astype(np.float32)
    size = int(batch) if batch.isdecimal() else batch
    nodes = [
        helper.make_node("Flatten", ["data"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["output"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [size, *shape])
        for name, shape in (("data", (3, 8, 8)), ("output", (5,)))
    ]
    initial = [numpy_helper.from_array(weights, "weights")]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, folder / "fp32.onnx")
    return folder / "fp32.onnx"
