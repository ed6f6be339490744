"""Whether an artifact's files are complete and hold nothing foreign, before anything runs them."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from zoo.config.records.verification import FileFacts, Structure
from zoo.jobs.files import sha256
from zoo.ncnn.check import check_files
from zoo.ncnn.graph import read_param


def check_structure(runtime: str, files: Sequence[Path]) -> Structure:
    """What the files of an artifact tell, whatever is wrong with them; runtime: the one that they are for."""
    facts = file_facts(files)  # first: what is read after them must be of the same bytes
    types: Counter[str] | None = None
    if missing := [file for file in files if not file.is_file()]:
        problems = [f"{file.name} is missing" for file in missing]
    elif runtime == "ncnn":
        problems = check_files(*files)
        types = Counter(layer.type for layer in read_param(files[0]).layers) if not problems else None
    elif runtime == "onnxruntime":
        problems, types = _check_onnx(files[0])
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
    """The size and SHA-256 of those files that there are."""
    return tuple(FileFacts(file.name, file.stat().st_size, sha256(file)) for file in files if file.is_file())


def _check_onnx(path: Path) -> tuple[list[str], Counter[str] | None]:
    import onnx

    try:
        # By path, so that external data is found and models above 2 GB can be checked.
        onnx.checker.check_model(str(path), full_check=True)
        graph = onnx.load(path, load_external_data=False).graph
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return [f"{path.name} is not a valid ONNX model: {str(error).splitlines()[0]}"], None
    foreign = sorted({node.domain for node in graph.node} - {"", "ai.onnx"})
    problems = [f"{path.name} uses operators of the domain {domain}" for domain in foreign]
    return problems, Counter(node.op_type for node in graph.node)


def _check_archive(path: Path) -> list[str]:
    """A TorchScript file is a zip archive; each member has a checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        return [f"{path.name} is not a TorchScript archive: {error}"]
    return [f"{path.name} is damaged in {broken}"] if broken else []
