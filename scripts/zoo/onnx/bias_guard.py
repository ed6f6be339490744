"""Weights' scales raised so that an int32 bias holds, as onnxruntime does for int8 weights and not for uint8.

A bias is stored in int32 with the scale of the input times that of the channel's weights. Where a channel's
weights are near zero, as batch normalization of a dead channel leaves them, that is too small: the bias is
cut, and the channel, which was a constant, is gone.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

INT32_ROOM = 2.0**30
"""A bias is at most so large: half of int32, the rest is for the sum of products."""

RAISED = "raised_weight_scales"
"""The key of the file's metadata that says which layers have such channels."""


def guard(quantized: ModelProto, original: GraphProto) -> dict[str, int]:
    """Raise, in place, the scales that are too small in a QDQ model; how many in each layer, logged.

    original: the float graph that it was made of, whose weights and biases are quantized anew.
    """
    constants = {tensor.name: tensor for tensor in quantized.graph.initializer}
    floats = {tensor.name: numpy_helper.to_array(tensor) for tensor in original.initializer}
    makers = {name: node for node in quantized.graph.node for name in node.output}
    raised = {}
    for node in original.node:
        own = next((each for each in quantized.graph.node if each.name == node.name), None)
        if own is None or len(own.input) < 3 or len(node.input) < 3 or node.input[2] not in floats:
            continue
        data, weight, bias = (makers.get(name) for name in own.input[:3])
        if not all(each is not None and each.op_type == "DequantizeLinear" for each in (data, weight, bias)):
            continue
        assert data is not None and weight is not None and bias is not None
        if weight.input[0] not in constants or data.input[1] not in constants:
            continue
        layer = _Layer(constants, data, weight, bias)
        if count := layer.raise_scales(floats[node.input[1]], floats[node.input[2]]):
            raised[node.name] = count
            logging.warning(
                "layer %s: the scales of %d channels were raised, whose weights are near zero, so that their "
                "bias holds in int32",
                node.name,
                count,
            )
    if raised:
        entry = quantized.metadata_props.add()
        entry.key, entry.value = RAISED, ", ".join(f"{name}: {count}" for name, count in raised.items())
    return raised


class _Layer:
    """The constants of a quantized layer. data, weight, bias: the nodes that make its inputs float."""

    def __init__(
        self, constants: Mapping[str, TensorProto], data: NodeProto, weight: NodeProto, bias: NodeProto
    ) -> None:
        self._constants, self._weight, self._bias = constants, weight, bias
        self._input_scale = float(self._array(data.input[1]).reshape(()))
        self._axis = next((each.i for each in weight.attribute if each.name == "axis"), 1)

    def raise_scales(self, weight: NDArray[np.floating], bias: NDArray[np.floating]) -> int:
        scales = np.atleast_1d(self._array(self._weight.input[1])).astype(np.float64)
        if bias.ndim != 1 or scales.size not in (1, bias.size):
            return 0
        needed = np.abs(bias.astype(np.float64)) / (INT32_ROOM * self._input_scale)
        if scales.size == 1:
            needed = needed.max(keepdims=True)
        low = scales < needed
        if not low.any():
            return 0
        new = np.where(low, needed, scales).astype(np.float32)
        self._set(self._weight.input[1], new)
        stored = self._array(self._weight.input[0])
        shape = [-1 if place == self._axis % weight.ndim else 1 for place in range(weight.ndim)]
        along = (
            each.reshape(shape) if each.size > 1 else each.reshape(()) for each in (new, self._zero(new))
        )
        scale, zero = along
        limits = np.iinfo(stored.dtype)
        again = np.clip(np.rint(weight / scale) + zero, limits.min, limits.max).astype(stored.dtype)
        self._set(
            self._weight.input[0], np.where(low.reshape(shape) if low.size > 1 else low.all(), again, stored)
        )
        bias_scale = (new.astype(np.float64) * self._input_scale).astype(np.float32)
        self._set(self._bias.input[1], bias_scale)
        self._set(self._bias.input[0], np.rint(bias / bias_scale.astype(np.float64)).astype(np.int32))
        return int(low.sum())

    def _zero(self, scales: NDArray[np.floating]) -> NDArray[np.floating]:
        if len(self._weight.input) < 3:
            return np.zeros_like(scales)
        return np.atleast_1d(self._array(self._weight.input[2])).astype(np.float32)

    def _array(self, name: str) -> NDArray[Any]:
        return np.asarray(numpy_helper.to_array(self._constants[name]))

    def _set(self, name: str, values: NDArray[Any]) -> None:
        tensor = self._constants[name]
        dims = list(tensor.dims)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values).reshape(dims), name))
