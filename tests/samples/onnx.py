"""Small ONNX models for tests: of given nodes, and of tiny timm models, with inputs for them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

from samples.models import random_model
from zoo.export.onnx import export_onnx
from zoo.export.rewrites import rewrite

SHAPE = (1, 3, 8, 8)


def chain(*steps: tuple[str, np.ndarray | None], opset: int = 17) -> ModelProto:
    """Nodes in a row, each an operator and, if it takes one, a second input; from `data` to `output`."""
    nodes, weights, last = [], [], "data"
    for index, (operator, value) in enumerate(steps):
        inputs = [last]
        if value is not None:
            weights.append(numpy_helper.from_array(np.asarray(value, np.float32), f"weight_{index}"))
            inputs.append(weights[-1].name)
        last = "output" if index == len(steps) - 1 else f"value_{index}"
        nodes.append(helper.make_node(operator, inputs, [last], name=f"node_{index}"))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("data", "output")]
    ends[0] = helper.make_tensor_value_info("data", TensorProto.FLOAT, SHAPE)
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(model)
    onnx.checker.check_model(inferred, full_check=True)
    return inferred


def timm_model(name: str, folder: Path, size: int = 32) -> ModelProto:
    """A tiny timm model with random weights, exported as the zoo does."""
    model, image = random_model(name, size=size)
    rewrite(model, image)
    export_onnx(model, image, folder / "fp32.onnx")
    return onnx.load(folder / "fp32.onnx")


def noise(model: ModelProto, count: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Random inputs for a model with one."""
    value = model.graph.input[0]
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    generator = np.random.default_rng(seed)
    return [{value.name: generator.standard_normal(shape, dtype=np.float32)} for _ in range(count)]


def run(model: ModelProto, feeds: list[dict[str, np.ndarray]], exact: bool = False) -> np.ndarray:
    """What onnxruntime makes of the feeds: (feeds, numbers). exact: of a file with int8 weights in QDQ form
    also where x86, before VNNI, adds pairs of products of uint8 and int8 in 16 bits, which clip."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return np.stack([session.run(None, feed)[0].ravel() for feed in feeds])
