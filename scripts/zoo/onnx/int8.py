"""int8 ONNX files by onnxruntime's own quantizer, after its pre-processing, in standard operators only."""

import io
import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import onnx
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization.shape_inference import quant_pre_process

from zoo.config.opset import LEAST_OF_INT8
from zoo.config.settings import OnnxInt8
from zoo.errors import ZooError
from zoo.onnx.bias_guard import guard
from zoo.onnx.calibration import Named, Reader, with_node_names
from zoo.onnx.opset import in_opset, opset_of, shapes_of

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

QUANTIZERS_NAMES = (
    *("_quantized", "_scale", "_zero_point", "_MatMul", "_output_quantized"),
    *(f"_{kind}Linear{end}" for kind in ("Quantize", "Dequantize") for end in ("", "_Input", "_Output")),
)
"""How the names end that onnxruntime's quantizer makes of others."""

WEIGHTS = {
    "uint8": (QuantType.QUInt8, False),
    "int8": (QuantType.QInt8, False),
    "int7": (QuantType.QInt8, True),
}
"""How weights are stored -> their type, and whether they take half its range.

An x86 CPU without VNNI adds pairs of products of uint8 activations and int8 weights in 16 bits, which are too
few for full ranges, and onnxruntime does not tell. With uint8 weights it takes 32 bits: exact on every CPU.
"""


def quantize_static(
    model: onnx.ModelProto, feeds: Iterable[Named], count: int, setting: OnnxInt8
) -> onnx.ModelProto:
    """The model with weights per channel and activations per tensor in int8, as QDQ.

    feeds: `count` inputs that the ranges of activations are taken from. The result depends on nothing but the
    arguments. Raises ZooError for an unknown calibration and for an exclusion that matches no node.
    """
    _check(setting)
    # onnxruntime has no kernels for weights of uint8 with activations of int8
    kind = "int8" if setting.symmetric and setting.weights == "uint8" else setting.weights
    weight_type, reduce_range = WEIGHTS[kind]
    with _prepared(model) as (prepared, output):
        graph = onnx.load(prepared).graph
        chosen = _with_weights(graph, setting.exclude)
        if not chosen:  # no names would mean all
            return model
        depthwise = [node.input[1] for node in chosen if _is_depthwise(node, graph)]
        chosen += _activations(graph, chosen)
        quantization.quantize_static(
            prepared,
            output,
            Reader(feeds, count),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=sorted({node.op_type for node in chosen}),
            nodes_to_quantize=[node.name for node in chosen],
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QInt8 if setting.symmetric else QuantType.QUInt8,
            weight_type=weight_type,
            calibrate_method=CALIBRATIONS[setting.calibration],
            extra_options=_options(setting, depthwise),
        )
        quantized = onnx.load(output)
        guard(quantized, graph)
    _free(quantized.graph)
    return _portable(quantized)


def _check(setting: OnnxInt8) -> None:
    """Raises ZooError for a setting that there is not."""
    for what, value, valid in (
        ("calibration", setting.calibration, CALIBRATIONS),
        ("weights", setting.weights, WEIGHTS),
    ):
        if value not in valid:
            raise ZooError(f"onnx_int8: {what}: {value} is unknown; known are {', '.join(valid)}")


def _options(setting: OnnxInt8, depthwise: Iterable[str]) -> dict[str, Any]:
    """onnxruntime's further options; depthwise: the names of the weights of depthwise convolutions."""
    by_channel = {"axis": 0, "quant_type": QuantType.QInt8, "symmetric": True}
    return {
        "ActivationSymmetric": setting.symmetric,
        "CalibStridedMinMax": 1,  # of all methods: one image at a time, see Reader
        "CalibTensorRangeSymmetric": setting.symmetric,
        "CalibPercentile": setting.percentile,
        "WeightSymmetric": True,
        "TensorQuantOverrides": {name: [by_channel] for name in depthwise},
    }


def quantize_dynamic(model: onnx.ModelProto, setting: OnnxInt8) -> onnx.ModelProto:
    """The model with int8 weights, and activations that are quantized as they come.

    Raises ZooError for an exclusion that matches no node.
    """
    with _prepared(model) as (prepared, output):
        chosen = _with_weights(onnx.load(prepared).graph, setting.exclude)
        if not chosen:  # no names would mean all
            return model
        names = [node.name for node in chosen]
        quantization.quantize_dynamic(
            prepared,
            output,
            op_types_to_quantize=list(OPERATORS),
            # a Gemm, which it has no form for, becomes a MatMul and an Add first
            nodes_to_quantize=names + [f"{node.name}_MatMul" for node in chosen if node.op_type == "Gemm"],
            per_channel=True,
            weight_type=QuantType.QUInt8,
        )
        return _portable(onnx.load(output))


def _raised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in an opset that has weights by channel. Raises ZooError if it has no form in it."""
    opset = max(opset_of(model), LEAST_OF_INT8)
    if opset != opset_of(model):
        logging.warning(
            "fp32.onnx is of opset %d; the int8 file is of %d, the first with weights by channel",
            opset_of(model),
            opset,
        )
    return in_opset(model, opset, shapes_of(model))


@contextmanager
def _prepared(model: onnx.ModelProto) -> Iterator[tuple[Path, Path]]:
    """The model as a file, pre-processed, and a path for what is made of it; both are gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch, redirect_stdout(io.StringIO()) as said:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(with_node_names(_raised(model)), prepared)
        onnx.save(_with_free_names(with_node_names(onnx.load(prepared))), prepared)
        yield prepared, Path(scratch) / "quantized.onnx"
    for line in filter(None, said.getvalue().splitlines()):
        logging.info("onnxruntime: %s", line)


def _with_free_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rename, in place, inner values that are called as the quantizer would call one, as in a model that was
    quantized before: it does not look whether a name is taken."""
    graph = model.graph
    ends = {each.name for each in (*graph.input, *graph.output)}
    values = {name for node in graph.node for name in (*node.input, *node.output)} - ends
    names = {name: f"{name}/float" for name in values if name.endswith(QUANTIZERS_NAMES)}
    for node in graph.node:
        for each in (node.input, node.output):
            each[:] = [names.get(name, name) for name in each]
    for value in (*graph.initializer, *graph.value_info):
        value.name = names.get(value.name, value.name)
    return model


def _with_weights(graph: onnx.GraphProto, exclude: Collection[str]) -> list[onnx.NodeProto]:
    """The nodes that multiply by weights, but for those that `exclude` has by name or by operator."""
    if unknown := sorted(set(exclude) - {name for node in graph.node for name in (node.name, node.op_type)}):
        raise ZooError(f"onnx_int8: exclude: fp32.onnx has no node or operator {', '.join(unknown)}")
    weights = {tensor.name for tensor in graph.initializer}
    return [
        node
        for node in graph.node
        if node.op_type in OPERATORS
        and node.input[1] in weights
        and not {node.name, node.op_type} & set(exclude)
    ]


def _is_depthwise(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    """Whether a node is a convolution of each channel by itself.

    onnxruntime has fast code for these with int8 weights, which is exact on every CPU, and none with uint8.
    """
    (weight,) = (tensor for tensor in graph.initializer if tensor.name == node.input[1])
    group = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    return node.op_type == "Conv" and group > 1 and weight.dims[1] == 1


def _activations(graph: onnx.GraphProto, chosen: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The `ACTIVATIONS` of the chosen nodes, and other nodes that read them.

    onnxruntime's quantizer takes an activation away that follows an int8 node, even if what it makes does not
    become int8, and then nothing cuts the values: so its readers are to be quantized too. An activation that
    is returned, or that a float node with weights reads, is left as it is.
    """
    made = {name for node in chosen for name in node.output}
    names = {node.name for node in chosen}
    weights = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    found: dict[str, onnx.NodeProto] = {}
    for node in graph.node:
        if node.op_type in ACTIVATIONS and node.input[0] in made:
            readers = [each for each in graph.node if node.output[0] in each.input]
            if readers and all(
                each.name in names or not weights.intersection(each.input) for each in readers
            ):
                found |= {each.name: each for each in (node, *readers) if each.name not in names}
    return list(found.values())


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
        if node is None or node.op_type not in OPERATORS:
            return False
        sources = [makers.get(name) for name in node.input]
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
        elif maker is None or maker.op_type not in OPERATORS:
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
