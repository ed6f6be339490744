"""One model, named in any way that people have at hand, and what it becomes, in words."""

from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.config.model_spec import ModelSpec
from zoo.config.zoo import Model
from zoo.errors import ZooError
from zoo.jobs.files import regular
from zoo.sweep.row import ARTIFACTS, FP32, INT8, Row

FILES = {".onnx": "onnx", ".pt": "torchscript", ".torchscript": "torchscript", ".pth": "torchscript"}
LIBRARIES = ("timm", "torchvision", "open_clip")
MB = 1e6


def spec_of(model: str, config: Mapping[str, Any], size: Sequence[int] | None = None) -> ModelSpec:
    """What a word means: a model of the configuration, an ONNX or TorchScript file, or an architecture,
    `timm:NAME` where several libraries have one of that name. size: [height, width] to examine it at.

    Weights are random but for a file. Raises ZooError, with close matches, for what is none of these.
    """
    declared = config.get("models") or {}
    if model in declared:
        entry, name = dict(declared[model]), model
    elif (suffix := Path(model).suffix.lower()) in FILES:
        if not regular(model).exists():
            raise ZooError(f"{model}: there is no such file")
        entry, name = {FILES[suffix]: model}, Path(model).stem
    else:
        library, _, name = model.rpartition(":")
        entry = {library or library_of(name): name}
    if size is not None:
        entry["preprocess"] = {**(entry.get("preprocess") or {}), "size": list(size)}
    spec = Model.of(name, entry, config if model in declared else {}).spec
    if spec.kind.is_file or spec.kind.brings_weights:
        return spec
    return ModelSpec.from_config(name, {**_of_spec(spec), "weights": {"random": 0}})


def _of_spec(spec: ModelSpec) -> dict[str, Any]:
    """The entry of a specification, but for its weights."""
    keys = ("args", "preprocess", "inputs", "second_size", "layout", "task", "output", "labels")
    values = {key: getattr(spec, key) for key in keys}
    return {spec.library: spec.architecture} | {key: value for key, value in values.items() if value}


def library_of(name: str, suffixes: Collection[str] = tuple(FILES)) -> str:
    """The library that has an architecture of this name, the first of `LIBRARIES`.

    Raises ZooError, with close matches, if none has; for the path of a folder or a file, that it is one.
    suffixes: of the files that could have been named instead.
    """
    names = {library: names_of(library) for library in LIBRARIES}
    for library, own in names.items():
        if name.partition(".")[0] in own:
            return library
    known = ", ".join(suffixes)
    if Path(name).is_dir():
        raise ZooError(f"{name} is a folder; name a file of a model ({known}), or an architecture")
    if Path(name).exists():
        raise ZooError(
            f"{name} is not a kind of file that is known here; name one of {known}, or an architecture"
        )
    import difflib

    close = difflib.get_close_matches(name, [each for own in names.values() for each in own], n=5)
    hint = f"did you mean {' or '.join(close)}?" if close else "name it as timm, torchvision or open_clip do"
    raise ZooError(f"{name} is no model of config.yaml, no file and no architecture of a library; {hint}")


def names_of(library: str) -> list[str]:
    """The names of a library's architectures; none if it is not installed."""
    if find_spec(library) is None:
        return []
    match library:
        case "timm":
            import timm

            return list(timm.list_models())
        case "torchvision":
            from torchvision import models

            return list(models.list_models())
        case _:
            import open_clip

            return list(open_clip.list_models())


def in_words(spec: ModelSpec, row: Row) -> str:
    """What a model becomes: a line an artifact, and the reasons."""
    lines = [_heading(spec, row)]
    for artifact in ARTIFACTS if row.artifacts else ():
        outcome = row.artifacts.get(artifact)
        if outcome is None or outcome.cosine is None or outcome.sqnr_db is None:
            lines.append(f"{artifact:<10} no: {row.why(artifact) or 'not reached'}")
            continue
        verdict = "works" if row.works(artifact) else "WRONG"
        told = f"{artifact:<10} {verdict}: cosine {outcome.cosine:.6f}, SQNR {outcome.sqnr_db:.1f} dB"
        told += f", {(outcome.bytes or 0) / MB:.1f} MB"
        by = row.way if artifact == FP32 else outcome.recipe
        told += f", by {by}" if by else ""
        lines.append(told + (f"; {outcome.reason}" if outcome.reason else ""))
    lines += [f"not by {each.way}: {each.reason}" for each in row.failed]
    return "\n".join([*lines, _advice(row)])


def _heading(spec: ModelSpec, row: Row) -> str:
    facts = [spec.title]
    if row.size:
        facts.append(f"{row.size[0]} x {row.size[1]} px")
    if row.parameters is not None:
        facts.append(f"{row.parameters / 1e6:.2f} million parameters")
    if row.multiply_adds is not None:
        facts.append(f"{row.multiply_adds / 1e6:.1f} million multiply-adds")
    weights = "its own weights" if spec.kind.is_file or spec.kind.brings_weights else "random weights"
    return f"{', '.join(facts)}, {weights}"


def _advice(row: Row) -> str:
    works = [artifact for artifact in ARTIFACTS if row.works(artifact)]
    if row.reason and not works:
        return f"It cannot be built: {row.reason}"
    if row.reason:
        return (
            f"The examination ended early: {row.reason}. What can be built: artifacts: [{', '.join(works)}]"
        )
    if FP32 in works:
        weak = (
            ""
            if INT8 in works
            else "; int8 is for the build's search, or stays out: artifacts: in config.yaml"
        )
        return f"It can be built for ncnn{weak}."
    if works:
        return f"It cannot be built for ncnn. What can be: artifacts: [{', '.join(works)}]"
    return "It cannot be built."
