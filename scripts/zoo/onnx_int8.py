"""int8 ONNX files by onnxruntime's own quantizer, after its pre-processing, in standard operators only."""

import io
import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization.shape_inference import quant_pre_process

from zoo.errors import ZooError
from zoo.onnx_calibration import Feed, Reader

CALIBRATIONS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}

OPERATORS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""What becomes int8: the operators that multiply by weights."""

ACTIVATIONS = ("Clip", "Relu")
"""What a range of uint8 does as well, so that they go: a convolution's output is quantized after them, not
before."""


@dataclass(frozen=True)
class Setting:
    """How an ONNX model becomes int8, as `config.yaml` has it under `onnx_int8`.

    calibration: one of `CALIBRATIONS`, by which activations get their ranges. percentile: of the values, in
    percent, that the ranges of `percentile` keep. symmetric: activations as int8 around zero instead of uint8
    with a zero point. reduce_range: weights of 7 bits. exclude: nodes that stay float, by name or operator.
    """

    calibration: str = "minmax"
    percentile: float = 99.999
    symmetric: bool = False
    reduce_range: bool = False
    exclude: Collection[str] = ()


def quantize_static(
    model: onnx.ModelProto, feeds: Iterable[Feed], count: int, setting: Setting
) -> onnx.ModelProto:
    """The model with weights per channel and activations per tensor in int8, as QDQ.

    feeds: `count` inputs that the ranges of activations are taken from. The result depends on nothing but the
    arguments. Raises ZooError for an unknown calibration and for an exclusion that matches no node.
    """
    if setting.calibration not in CALIBRATIONS:
        raise ZooError(f"unknown calibration {setting.calibration}; known are {', '.join(CALIBRATIONS)}")
    symmetric = setting.symmetric
    options = {
        "ActivationSymmetric": symmetric,
        "CalibStridedMinMax": 1,  # of all methods: one image at a time, see Reader
        "CalibTensorRangeSymmetric": symmetric,
        "CalibPercentile": setting.percentile,
        "MatMulConstBOnly": True,
    }
    with _prepared(model) as (prepared, output):
        quantization.quantize_static(
            prepared,
            output,
            Reader(feeds, count),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*OPERATORS, *ACTIVATIONS],
            per_channel=True,
            reduce_range=setting.reduce_range,
            activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_excluded(prepared, setting.exclude),
            calibrate_method=CALIBRATIONS[setting.calibration],
            extra_options=options,
        )
        quantized = onnx.load(output)
    _free(quantized.graph)
    return _portable(quantized)


def quantize_dynamic(model: onnx.ModelProto, setting: Setting) -> onnx.ModelProto:
    """The model with int8 weights, and activations that are quantized as they come.

    Raises ZooError for an exclusion that matches no node.
    """
    with _prepared(model) as (prepared, output):
        quantization.quantize_dynamic(
            prepared,
            output,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            reduce_range=setting.reduce_range,
            weight_type=QuantType.QUInt8,
            nodes_to_exclude=_excluded(prepared, setting.exclude),
        )
        quantized = onnx.load(output)
    return _portable(quantized)


@contextmanager
def _prepared(model: onnx.ModelProto) -> Iterator[tuple[Path, Path]]:
    """The model as a file, pre-processed, and a path for what is made of it; both are gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(io.StringIO()) as said:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(model, prepared)
        yield prepared, Path(scratch) / "quantized.onnx"
    for line in filter(None, said.getvalue().splitlines()):
        logging.info("onnxruntime: %s", line)


def _excluded(prepared: Path, exclude: Collection[str]) -> list[str]:
    """The names of the nodes that `exclude` has by name or by operator."""
    nodes = onnx.load(prepared, load_external_data=False).graph.node
    if unknown := sorted(set(exclude) - {name for node in nodes for name in (node.name, node.op_type)}):
        raise ZooError(f"onnx_int8: exclude: fp32.onnx has no node or operator {', '.join(unknown)}")
    return [node.name for node in nodes if node.name in exclude or node.op_type in exclude]


def _free(graph: onnx.GraphProto) -> None:
    """Take QDQ pairs away from what need not be int8: the graph's outputs, and float nodes that read what
    another float node makes.

    onnxruntime's quantizer puts the pair of a tensor before all its readers, which rounds the shortcut of a
    residual block again in every block, and before the graph's output. The output of an int8 node stays int8
    for every reader: only then does onnxruntime compute the node in int8.
    """
    weights = {tensor.name for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}

    def is_int8(node: onnx.NodeProto | None) -> bool:
        """Whether a node multiplies by int8 weights."""
        sources = [makers.get(name) for name in node.input] if node is not None else []
        return any(
            source is not None and source.op_type == "DequantizeLinear" and source.input[0] in weights
            for source in sources
        )

    final = {value.name for value in graph.output}
    for back in [node for node in graph.node if node.op_type == "DequantizeLinear"]:
        there = makers.get(back.input[0])
        if there is None or there.op_type != "QuantizeLinear":
            continue
        original, rounded = there.input[0], back.output[0]
        maker = makers.get(original)
        if rounded in final:
            if maker is not None:
                back.output[0] = f"{rounded}/unused"
                for node in graph.node:
                    for names in (node.input, node.output):
                        names[:] = [rounded if name in (original, rounded) else name for name in names]
        elif not is_int8(maker):
            for node in graph.node:
                if not is_int8(node):
                    node.input[:] = [original if name == rounded else name for name in node.input]
    for _ in range(2):  # first the second of a pair, then the first
        read = {name for node in graph.node for name in node.input} | final
        kept = [node for node in graph.node if read.intersection(node.output)]
        del graph.node[:]
        graph.node.extend(kept)


def _portable(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the operator sets that onnxruntime's optimizer lists and no node uses."""
    used = {node.domain for node in model.graph.node} | {""}
    opsets = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model
