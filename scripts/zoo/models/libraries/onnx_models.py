"""ONNX files as torch modules, by onnx2torch: the way to ncnn for those that pnnx cannot read."""

from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import onnx2torch
from onnx2torch.node_converters.registry import get_converter
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import WeightsSource
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models.libraries import Tensors, Traits, is_one_vector, onnx_file
from zoo.models.libraries.onnx_ending import onnx_ending


def build(spec: ModelSpec, seed: int, **options: Any) -> nn.Module:
    """The model of the file."""
    return open_file(Path(spec.architecture))


def open_file(path: Path) -> nn.Module:
    """The model of an ONNX file. Raises ZooError that counts, by name, the operators without a conversion."""
    model = onnx.load(path)
    if unknown := unsupported(model):
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(unknown.items()))
        raise ZooError(f"{path}: onnx2torch does not have its operators {counts}; export it without them")
    try:
        module: nn.Module = onnx2torch.convert(model)
    except Exception as error:  # its converters raise whatever they meet
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"{path}: onnx2torch cannot convert it ({type(error).__name__}: {reason})") from error
    return module.eval()


def unsupported(model: onnx.ModelProto) -> Counter[str]:
    """The operators that onnx2torch cannot convert, and how many nodes have each."""
    versions = {entry.domain: entry.version for entry in model.opset_import}
    counts: Counter[str] = Counter()
    for node in model.graph.node:
        version = versions.get(node.domain, versions.get("", 1))
        try:
            get_converter(domain=node.domain, operation_type=node.op_type, version=version)
        except NotImplementedError:
            counts[f"{node.domain}.{node.op_type}" if node.domain else node.op_type] += 1
    return counts


def preprocess(spec: ModelSpec) -> Preprocess:
    return Preprocess()


def pretrained(spec: ModelSpec) -> WeightsSource:
    raise ZooError(f"{spec.architecture} holds its weights; nobody else keeps them")


def licence(spec: ModelSpec) -> str | None:
    return None


def labels(spec: ModelSpec) -> list[str] | None:
    return None


def task(spec: ModelSpec) -> str | None:
    return None


def channels(spec: ModelSpec) -> int | None:
    return None


def own_part(tensors: Tensors) -> Tensors:
    return tensors


def loader_options(model: nn.Module, path: Path) -> dict[str, Any] | None:
    return None


def traits(spec: ModelSpec, record: Preprocess) -> Traits | None:
    path = Path(spec.architecture)
    taken = onnx_file.accept(spec)
    feed = onnx_file.inputs_of_file(spec, taken.model, record)
    if taken.dequantized:
        onnx_file.check_dequantized(path, feed, taken)
    outputs = onnx_file.outputs_of_file(path, feed, taken)
    source = taken.model.SerializeToString() if taken.changes else path
    end = onnx_ending(source, taken.model, feed) if is_one_vector(outputs) else None
    return Traits(feed, outputs, onnx_file.parameters(taken.model), None, end, taken.changes)
