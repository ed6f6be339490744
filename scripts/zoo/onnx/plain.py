"""Nodes in the plainest form in which ONNX can say them: not all that read ONNX know the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

OPERATORS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool")
"""Those that take `auto_pad`."""


def make_plain(model: ModelProto) -> None:
    """Write padding in numbers, and leave regions out that mean nothing, in place."""
    with_pads(model)
    without_regions(model.graph)


def without_regions(graph: GraphProto) -> None:
    """Empty the region of a Resize that does not crop, in place.

    onnx's version converter, and other tools, give one, and pnnx then does not know the node.
    """
    for node in graph.node:
        crops = _said(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
        if node.op_type == "Resize" and len(node.input) > 2 and node.input[1] and not crops:
            node.input[1] = f"{node.output[0]}/roi"  # before opset 13 it must be there
            graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.float32), node.input[1]))


def with_pads(model: ModelProto) -> None:
    """Write `auto_pad` as `pads`, in place, where the sizes are known; the values stay the same."""
    graph = model.graph
    if not any(_said(node, "auto_pad", "NOTSET") != "NOTSET" for node in graph.node):
        return
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        each.name: [dim.dim_value for dim in each.type.tensor_type.shape.dim]
        for each in (*inferred.value_info, *inferred.input, *inferred.output)
    }
    shapes |= {each.name: list(each.dims) for each in graph.initializer}
    for node in graph.node:
        if node.op_type in OPERATORS and (pads := _pads(node, shapes)) is not None:
            kept = [each for each in node.attribute if each.name not in ("auto_pad", "pads", "output_shape")]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("pads", pads)])


def _pads(node: NodeProto, shapes: dict[str, list[int]]) -> list[int] | None:
    """What is padded at the beginning of each dimension, then at its end; None: nothing is to be changed."""
    how = _said(node, "auto_pad", "NOTSET")
    given, made = (shapes.get(name, [])[2:] for name in (node.input[0], node.output[0]))
    kernel = _said(node, "kernel_shape", None) or shapes.get(node.input[1], [])[2:]
    if how == "NOTSET" or not given or not len(given) == len(made) == len(kernel) or 0 in (*given, *made):
        return None
    rank = len(kernel)
    strides, dilations = (_said(node, name, [1] * rank) for name in ("strides", "dilations"))
    reach = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    if node.op_type == "ConvTranspose":
        more = _said(node, "output_padding", [0] * rank)
        sums = [
            stride * (size - 1) + extra + far - out
            for stride, size, extra, far, out in zip(strides, given, more, reach, made, strict=True)
        ]
    else:
        sums = [
            (out - 1) * stride + far - size
            for stride, size, far, out in zip(strides, given, reach, made, strict=True)
        ]
    if how == "VALID" or (node.op_type == "ConvTranspose" and min(sums) < 0):
        return [0] * 2 * rank if how == "VALID" else None
    return _halved([max(each, 0) for each in sums], how == "SAME_UPPER")


def _halved(sums: Sequence[int], upper: bool) -> list[int]:
    """Of an odd sum the larger half is at the end for SAME_UPPER, at the beginning for SAME_LOWER."""
    less, more = [each // 2 for each in sums], [each - each // 2 for each in sums]
    return less + more if upper else more + less


def _said(node: NodeProto, name: str, default: Any) -> Any:
    value = next((helper.get_attribute_value(each) for each in node.attribute if each.name == name), default)
    return value.decode() if isinstance(value, bytes) else value
