"""How an ONNX graph ends, and what its output is."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.card import LOGITS, PROBABILITIES, SIGMOID
from zoo.images.inputs import Feed
from zoo.models.ending import Ending, Operators, Step, ending

_KINDS = {
    **dict.fromkeys(("Softmax", "QLinearSoftmax"), PROBABILITIES),
    **dict.fromkeys(("Sigmoid", "HardSigmoid", "QLinearSigmoid"), SIGMOID),
    "LogSoftmax": LOGITS,  # their softmax is the probabilities
    **dict.fromkeys(("Gemm", "MatMul", "Conv", "ConvTranspose", "FusedMatMul", "FusedConv"), LOGITS),
    **dict.fromkeys(("QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger"), LOGITS),
    **dict.fromkeys(("BatchNormalization", "LayerNormalization", "InstanceNormalization"), LOGITS),
}
_KEEPING = frozenset(
    (
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Cast", "Dropout", "Slice"),
        *("Gather", "Split", "QuantizeLinear", "DequantizeLinear", "Expand"),
    )
)
_BLENDING = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Neg", "Sum", "Mean", "ReduceMean", "ReduceSum", "Concat", "Relu"),
        *("AveragePool", "GlobalAveragePool", "QLinearAdd", "QLinearMul", "QLinearConcat"),
        *("QLinearAveragePool", "QLinearGlobalAveragePool"),
    )
)
_OPERATORS = Operators(_KINDS, _KEEPING, _BLENDING)


def onnx_step(model: onnx.ModelProto) -> Step:
    """How the only output of a graph comes about."""
    made = {name: (node.op_type, tuple(node.input)) for node in model.graph.node for name in node.output}
    return _OPERATORS.followed(model.graph.output[0].name, made)


def onnx_ending(source: Path | bytes, model: onnx.ModelProto, feed: Feed) -> Ending:
    """What the only output, a vector, of a model is, as onnxruntime computes it. source: file or bytes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: its warnings tell of the graph's making, not of answers
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def answer(inputs: Arrays) -> NDArray[np.floating]:
        found: NDArray[np.floating] = session.run(
            None, {name: each[None] for name, each in zip(names, inputs, strict=True)}
        )[0]
        return found

    return ending(onnx_step(model), answer, feed.shapes)
