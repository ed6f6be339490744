"""Whether an artifact's files are complete and hold nothing foreign, before anything runs them; and whether
ncnn's fp16 and bf16 files are fp32's, rounded, which no set of images shows of every weight.
"""

import shlex
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from zoo.config.opset import VENDOR_OPERATORS
from zoo.config.records.card import ModelCard
from zoo.config.records.verification import FileFacts, Structure
from zoo.jobs.files import sha256
from zoo.jobs.onnx_data import data_beside
from zoo.ncnn.bf16 import to_bf16
from zoo.ncnn.check import check_files
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import Graph, read_graph, read_param
from zoo.ncnn.layer import Layer

if TYPE_CHECKING:
    from onnx import GraphProto

ROUNDINGS: dict[str, Callable[[Graph], Graph]] = {"fp16": to_fp16, "bf16": to_bf16}
"""The precisions of files that follow from fp32's."""


@dataclass(frozen=True)
class OnnxForm:
    """What an ONNX artifact must be: its opset, the names of its inputs and outputs, and the operators that
    the toolchain which it is for admits, if there is such a one."""

    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: frozenset[str] | None = None

    @classmethod
    def of(cls, artifact: str, opset: int | None, card: ModelCard) -> Self | None:
        """Of an artifact of a model; None if it is no ONNX file. opset: what it is to be in."""
        if opset is None:
            return None
        operators = VENDOR_OPERATORS if artifact == "opset11.onnx" else None
        inputs, outputs = map(tuple, card.onnx_names)
        return cls(opset, inputs, outputs, operators)


def check_structure(runtime: str, files: Sequence[Path], form: OnnxForm | None = None) -> Structure:
    """What the files of an artifact tell, whatever is wrong with them.

    runtime: the one that they are for. form: what an ONNX file must be, where more is known than that.
    """
    facts = file_facts(files)  # first: what is read after them must be of the same bytes
    types: Counter[str] | None = None
    if missing := [file for file in files if not file.is_file()]:
        problems = [f"{file.name} is missing" for file in missing]
    elif runtime == "ncnn":
        problems = check_files(*files)
        types = Counter(layer.type for layer in read_param(files[0]).layers) if not problems else None
    elif runtime == "onnxruntime":
        problems, types = _check_onnx(files[0], form)
    else:
        problems = _check_archive(files[0])
    return Structure(
        not problems,
        tuple(problems),
        facts,
        sum(types.values()) if types else None,
        dict(sorted(types.items())) if types else None,
    )


def file_facts(files: Sequence[Path]) -> tuple[FileFacts, ...]:
    """The size and SHA-256 of those files that there are, and of those beside them that they refer to."""
    beside = [path for file in files for path in data_beside(file) if path.parent == file.parent]
    there = [file for file in (*files, *beside) if file.is_file()]
    return tuple(FileFacts(file.name, file.stat().st_size, sha256(file)) for file in there)


def _check_onnx(path: Path, form: OnnxForm | None) -> tuple[list[str], Counter[str] | None]:
    import onnx

    try:
        # By path, so that external data is found and models above 2 GB can be checked.
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path, load_external_data=False)
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return [f"{path.name} is not a valid ONNX model: {str(error).splitlines()[0]}"], None
    graph = model.graph
    foreign = sorted({node.domain for node in graph.node} - {"", "ai.onnx"})
    problems = [f"{path.name} uses operators of the domain {domain}" for domain in foreign]
    if form is not None:
        versions = {each.version for each in model.opset_import if each.domain in ("", "ai.onnx")}
        problems += [f"{path.name} {what}" for what in _strange(graph, versions, form)]
    return problems, Counter(node.op_type for node in graph.node)


def _strange(graph: "GraphProto", versions: set[int], form: OnnxForm) -> Iterator[str]:
    """What a graph is, and should not be, in phrases."""
    if versions != {form.opset}:
        yield f"is of opset {', '.join(map(str, sorted(versions)))}, and should be of {form.opset}"
    for what, values, names in (
        ("inputs", graph.input, form.inputs),
        ("outputs", graph.output, form.outputs),
    ):
        if (own := tuple(each.name for each in values)) != names:
            yield f"has {what} named {', '.join(own)}, and they should be {', '.join(names)}"
    for node in graph.node:
        if form.operators is not None and node.op_type not in form.operators:
            name = node.name or node.output[0]
            yield f"has {node.op_type} (node {name}), which the vendor's toolchain lacks; rewrite the model"
            return


def _check_archive(path: Path) -> list[str]:
    """A TorchScript file is a zip archive; each member has a checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        return [f"{path.name} is not a TorchScript archive: {error}"]
    return [f"{path.name} is damaged in {broken}"] if broken else []


def strays(
    files: Sequence[Path],
    fp32: Sequence[Path],
    precision: str,
    masks: Callable[[Graph], Graph] | None = None,
) -> list[str]:
    """A sentence if ncnn's files, a `.param` and a `.bin`, are not fp32's in this precision.

    masks: puts the masks of a recipe on the layers of such files, where they have some. Raises ZooError
    if a file cannot be read, or the precision cannot hold a weight.
    """
    expected, own = ROUNDINGS[precision](read_graph(*fp32)), read_graph(*files)
    expected = masks(expected) if masks else expected
    if len(own.layers) != len(expected.layers):
        counts = f"it has {len(own.layers)} layers, and fp32 has {len(expected.layers)}"
        return [f"{counts}; {made_anew(files, fp32)}"]
    for layer, wanted in zip(own.layers, expected.layers, strict=True):
        if difference := _difference(layer, wanted):
            return [f"{layer}: {difference}; {made_anew(files, fp32)}"]
    return []


def made_anew(files: Sequence[Path], fp32: Sequence[Path]) -> str:
    """What to do where ncnn's files of an artifact and those in fp32 do not belong together, in a phrase."""
    both = " ".join(shlex.quote(str(file)) for file in dict.fromkeys((*files, *fp32)))
    return f"make both anew: rm {both} && snakemake {shlex.quote(str(files[0].with_suffix('.passed')))}"


def _difference(layer: Layer, wanted: Layer) -> str:
    """How a layer differs from the one it should be, in a phrase; empty if it does not."""
    for what in ("type", "name", "inputs", "outputs", "params"):
        if (own := getattr(layer, what)) != (other := getattr(wanted, what)):
            return f"its {what} are {own}, and in fp32 {other}"
    for role, array in wanted.weights.items():
        own_array = layer.weights[role]
        if own_array.storage is not array.storage:
            return f"its {role} is stored {own_array.storage.name}, not {array.storage.name}"
        differ = own_array.values.view(np.uint8) != array.values.view(np.uint8)
        if differ.any():
            count = int(differ.reshape(array.values.size, -1).any(axis=1).sum())
            return f"{count} of {array.values.size} numbers of its {role} are not those of fp32, rounded"
    return ""
