"""Zeros around what a MaxPool reads, so that onnxruntime keeps them."""

from collections import defaultdict

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, shape_inference

from zoo.onnx.opset import opset_of

PASSED = ("Identity", "Dropout")
"""What onnxruntime takes away before it looks at what follows a Pad."""


def keep_zero_pads(model: ModelProto) -> int:
    """Pad by -0, which is 0, where a MaxPool follows a Pad by 0, in place; return at how many places.

    onnxruntime (1.31) moves such a Pad into the pool, whose own padding is no number: where all that a window
    sees is negative its answer is that, and not 0. A Pad by -0 it leaves. timm's BiT (ResNetV2) has such a
    pool, and so has whatever was padded by hand in front of one.
    """
    graph = model.graph
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)

    def pools(name: str) -> list[NodeProto]:
        met = [node for node in readers[name] if node.op_type == "MaxPool"]
        passed = [node for node in readers[name] if node.op_type in PASSED]
        return met + [pool for node in passed for pool in pools(node.output[0])]

    found = [(node, pools(node.output[0])) for node in graph.node if node.op_type == "Pad"]
    found = [(node, met) for node, met in found if met]
    if not found:
        return 0
    constants = {each.name: each for each in graph.initializer}
    constants |= {
        node.output[0]: node.attribute[0].t
        for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    }
    changed = 0
    for node, met in found:
        if any(each.name == "mode" and each.s != b"constant" for each in node.attribute):
            continue
        changed += (
            sum(map(_in_words, met)) if opset_of(model) < 11 else _by_minus_zero(model, node, constants)
        )
    return changed


def _in_words(pool: NodeProto) -> bool:
    """Say that a pool has no padding of its own by a word, before which onnxruntime stops as well: before
    opset 11 it takes -0 for 0."""
    said = {each.name: each for each in pool.attribute}
    if "auto_pad" in said or any(said["pads"].ints if "pads" in said else []):
        return False
    if "pads" in said:
        pool.attribute.remove(said["pads"])
    pool.attribute.append(helper.make_attribute("auto_pad", "VALID"))
    return True


def _by_minus_zero(model: ModelProto, node: NodeProto, constants: dict[str, TensorProto]) -> bool:
    given = node.input[2] if len(node.input) > 2 else ""
    if given and (given not in constants or _other_than_zero(float(numpy_helper.to_array(constants[given])))):
        return False
    kind = constants[given].data_type if given else _type_of(model, node.input[0])
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if not np.issubdtype(dtype, np.floating):
        return False
    name = f"{node.output[0]}/zero"
    model.graph.initializer.append(numpy_helper.from_array(np.array(-0.0, dtype), name))
    if len(node.input) > 2:
        node.input[2] = name
    else:
        node.input.append(name)
    return True


def _other_than_zero(value: float) -> bool:
    """Whether it is another number, or -0 already."""
    return value != 0 or bool(np.signbit(value))


def _type_of(model: ModelProto, name: str) -> int:
    graph = shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.input)
    return next((each.type.tensor_type.elem_type for each in values if each.name == name), TensorProto.FLOAT)
