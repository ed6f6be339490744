"""Quantized ONNX models in float: QDQ, QOperator and dynamic ones, as onnxruntime's tools make them.

A quantized tensor becomes the float one that it stands for. Weights become scale * (number - zero point),
which is exact. Where activations were rounded, they are only cut to the range that they were rounded in: a
quantizer leaves a ReLU out that this range does as well.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, helper

from zoo.errors import ZooError
from zoo.models.onnx_source.operands import Operands, along, attribute, no_float

MARKS = ("Quantize", "Dequantize", "DynamicQuantize", "QLinear", "QGemm", "ConvInteger", "MatMulInteger")
"""How the names of quantized operators begin."""
MARKS_OF_BITS = ("MatMulNBits", "QAttention", "QMoE", "MatMulBnb4", "GatherBlockQuantized")
UNARY = {
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearAveragePool": "AveragePool",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSigmoid": "Sigmoid",
    "QLinearSoftmax": "Softmax",
}
"""Operators of an input with its scale and zero point, and those of the output."""
BINARY = {"QLinearAdd": "Add", "QLinearMul": "Mul", "QLinearMatMul": "MatMul"}
"""The same of two inputs."""
MOVING = (
    *("MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Concat", "Slice", "Gather"),
    *("Split", "Identity", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "GlobalMaxPool"),
)
"""Operators that take quantized values and hand on some of them as they are."""

SENTENCE = (
    "it was quantized: its weights are float now, the same numbers, and its activations are cut to their "
    "ranges and not rounded; the model before quantization is the better one to give"
)

CLIP_TAKES_INPUTS = 11
"""The first opset in which the limits of a Clip are inputs."""


def is_quantized(model: ModelProto) -> bool:
    """Whether a model has operators of quantization."""
    return any(node.op_type.startswith((*MARKS, *MARKS_OF_BITS)) for node in model.graph.node)


def to_float(model: ModelProto) -> list[str]:
    """Make a quantized model float, in place: a sentence if it was quantized.

    Raises ZooError naming the operator and node which read quantized values and have no form in float.
    """
    if not is_quantized(model):
        return []
    _Folding(model.graph, _opset_of(model)).apply()
    used = {node.domain for node in model.graph.node} | {""}
    kept = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return [SENTENCE]


def _opset_of(model: ModelProto) -> int:
    return next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 1)


class _Folding:
    """A graph on its way to float."""

    def __init__(self, graph: GraphProto, opset: int) -> None:
        self._graph, self._opset, self._constants = graph, opset, Operands(graph)
        self._codes: set[str] = set()  # values that were integers, of which the graph has the floats now
        self._dynamic: set[str] = set()  # of these, those that were quantized as they came: their scale is 1
        self._nodes: list[NodeProto] = []

    def apply(self) -> None:
        for node in list(self._graph.node):
            _rule(node.op_type)(self, node)
        returned = [each.name for each in self._graph.output if each.name in self._codes]
        if returned:
            raise ZooError(f"its output {returned[0]} is quantized; give the model before quantization")
        _replace(self._graph, self._nodes, self._constants)

    def quantize(self, node: NodeProto) -> None:
        scale, zero = self._constants.array(node, 1), self._constants.zero(node, 2)
        ends = self._constants.range_of(node, 2)
        if node.input[0] in self._constants:
            values, axis = self._constants.value(node.input[0]), attribute(node, "axis", 1)
            numbers = np.rint(values / along(scale, values, axis)) + along(zero, values, axis)
            self._constants.keep(node.output[0], np.clip(numbers, *ends).astype(np.int32))
            return
        self._cut(node, node.input[0], (scale, zero, ends))

    def dequantize(self, node: NodeProto) -> None:
        if node.input[0] in self._codes:
            self._add("Identity", node, [node.input[0]])
            return
        block = attribute(node, "block_size", 0)
        values = self._constants.floats(node, 0, attribute(node, "axis", 1), block)
        self._constants.keep(node.output[0], values)

    def quantize_dynamically(self, node: NodeProto) -> None:
        self._add("Identity", node, [node.input[0]])
        self._codes.add(node.output[0])
        self._dynamic.add(node.output[0])
        for name, value in zip(node.output[1:], (np.float32(1), np.uint8(0)), strict=True):
            self._constants.keep(name, np.asarray(value))

    def conv(self, node: NodeProto) -> None:
        self._computed(
            "Conv", node, [self._operand(node, 0), self._operand(node, 3), *self._bias(node, 8)], 6
        )

    def gemm(self, node: NodeProto) -> None:
        """com.microsoft.QGemm: A, B, C, and the scale and zero point of an output that is quantized."""
        columns = 0 if attribute(node, "transB", 0) else 1
        inputs = [self._operand(node, 0), self._operand(node, 3, columns)]
        inputs += self._bias(node, 6, attribute(node, "alpha", 1.0))
        self._computed("Gemm", node, inputs, 7)

    def unary(self, node: NodeProto) -> None:
        if attribute(node, "channels_last", 0):
            raise no_float(node, "has its channels last")
        own = [each for each in node.attribute if each.name not in ("channels_last", "opset")]
        del node.attribute[:]
        node.attribute.extend(own)
        self._computed(UNARY[node.op_type], node, [self._operand(node, 0)], 3)

    def binary(self, node: NodeProto) -> None:
        self._computed(BINARY[node.op_type], node, [self._operand(node, 0), self._operand(node, 3, 1)], 6)

    def concat(self, node: NodeProto) -> None:
        inputs = [self._operand(node, place) for place in range(2, len(node.input), 3)]
        self._computed("Concat", node, inputs, 0)

    def integers(self, node: NodeProto) -> None:
        """ConvInteger and MatMulInteger: what they make is scaled by float nodes behind them."""
        if node.input[0] not in self._dynamic or node.domain not in ("", "ai.onnx"):
            raise no_float(node, "reads other than dynamically quantized values")
        numbers = self._constants.array(node, 1).astype(np.float32)
        conv = node.op_type == "ConvInteger"
        numbers = numbers - along(self._constants.zero(node, 3), numbers, 0 if conv else -1)
        weight = self._constants.keep(f"{node.output[0]}/weight", numbers)
        self._add("Conv" if conv else "MatMul", node, [node.input[0], weight])

    def other(self, node: NodeProto) -> None:
        read = self._codes.intersection(node.input)
        if (read and node.op_type not in MOVING) or node.op_type.startswith((*MARKS, *MARKS_OF_BITS)):
            raise no_float(node, "reads quantized values")
        if read:
            self._codes |= set(node.output)
        self._nodes.append(node)

    def _operand(self, node: NodeProto, place: int, axis: int = 0) -> str:
        """The float of an input that is followed by its scale and zero point."""
        if node.input[place] in self._codes:
            return str(node.input[place])
        values = self._constants.floats(node, place, axis)
        return self._constants.keep(f"{node.output[0]}/operand_{place}", values)

    def _bias(self, node: NodeProto, place: int, factor: float = 1.0) -> list[str]:
        """The float of a bias, whose scale is that of the first operand times that of the second."""
        if len(node.input) <= place or not node.input[place]:
            return []
        scale = factor * self._constants.array(node, 1) * self._constants.array(node, 4)
        values = (self._constants.array(node, place) * scale).astype(np.float32)
        return [self._constants.keep(f"{node.output[0]}/bias", values)]

    def _computed(self, operator: str, node: NodeProto, inputs: Sequence[str], place: int) -> None:
        """A node in float, its output cut to the range that its scale and zero point, at a place, give it."""
        if len(node.input) <= place or not node.input[place]:
            self._add(operator, node, inputs)
            return
        raw = f"{node.output[0]}/uncut"
        self._add(operator, node, inputs, raw)
        scale, zero = self._constants.array(node, place), self._constants.zero(node, place + 1)
        self._cut(node, raw, (scale, zero, self._constants.range_of(node, place + 1)))

    def _cut(self, node: NodeProto, source: str, to: tuple[np.ndarray, np.ndarray, tuple[int, int]]) -> None:
        (scale, zero, ends), target = to, node.output[0]
        if scale.size > 1:
            raise no_float(node, "quantizes activations by channel")
        limits = [((end - zero) * scale).reshape(()).astype(np.float32) for end in ends]
        clip = _clip(source, limits, target, self._opset, self._constants)
        clip.name = f"{node.name or target}/cut"
        self._nodes.append(clip)
        self._codes.add(target)

    def _add(self, operator: str, node: NodeProto, inputs: Sequence[str], output: str = "") -> None:
        made = helper.make_node(operator, list(inputs), [output or node.output[0]], node.name)
        if operator != "Identity":
            made.attribute.extend(node.attribute)
        self._nodes.append(made)


def _clip(
    source: str, limits: Sequence[np.ndarray], target: str, opset: int, constants: Operands
) -> NodeProto:
    """A Clip in the form of an opset, which takes its limits as attributes or as inputs."""
    ends = ("min", "max")
    if opset < CLIP_TAKES_INPUTS:
        node = helper.make_node("Clip", [source], [target])
        said = zip(ends, map(float, limits), strict=True)
        node.attribute.extend(helper.make_attribute(end, limit) for end, limit in said)
        return node
    inputs = [constants.keep(f"{target}/{end}", limit) for end, limit in zip(ends, limits, strict=True)]
    return helper.make_node("Clip", [source, *inputs], [target])


_RULES: Mapping[str, Callable[[_Folding, NodeProto], None]] = {
    "QuantizeLinear": _Folding.quantize,
    "DequantizeLinear": _Folding.dequantize,
    "DynamicQuantizeLinear": _Folding.quantize_dynamically,
    "QLinearConv": _Folding.conv,
    "QLinearConcat": _Folding.concat,
    "QGemm": _Folding.gemm,
    "ConvInteger": _Folding.integers,
    "MatMulInteger": _Folding.integers,
    **dict.fromkeys(UNARY, _Folding.unary),
    **dict.fromkeys(BINARY, _Folding.binary),
}


def _rule(operator: str) -> Callable[[_Folding, NodeProto], None]:
    return _RULES.get(operator, _Folding.other)


def _replace(graph: GraphProto, nodes: Sequence[NodeProto], constants: Operands) -> None:
    """Give a graph these nodes, and drop the constants that none of them reads."""
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input} | {each.name for each in graph.output}
    for group in (graph.initializer, graph.input):
        kept = [each for each in group if each.name in read or each.name not in constants]
        del group[:]
        group.extend(kept)
