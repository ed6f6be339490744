"""Which of ncnn's layer types a model needs, and the options of ncnn's build that leave out all others.

A type may make others inside itself, as MultiHeadAttention does Gemm and Softmax, and so does ncnn itself,
for paddings and casts. Which these are its own source tells: `create_layer…(LayerType::Gemm)`, and, where it
calls another's functions, `Gemm_x86_utility::`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from zoo.errors import ZooError
from zoo.ncnn.graph import read_param

_DECLARED = re.compile(r"^\s*ncnn_add_layer\((\w+)", re.MULTILINE)
_MADE = re.compile(r"create_layer\w*\(\s*(?:ncnn::)?LayerType::(\w+)|\b([A-Z]\w*?)_\w+_utility::")
_FOLDERS = {"aarch64": "arm", "x86_64": "x86"}
"""Where ncnn has the layers of an architecture's own, beside those for all."""


def layer_types(params: Iterable[Path]) -> set[str]:
    """The layer types in `.param` files. Raises ZooError for a file that is none."""
    return {layer.type for param in params for layer in read_param(param).layers}


@cache
def declared_types(source: Path) -> frozenset[str]:
    """All layer types that a source of ncnn has. Raises ZooError if it is none."""
    try:
        text = (source / "src/CMakeLists.txt").read_text(encoding="utf-8")
    except OSError as error:
        raise ZooError(f"{source} is no source of ncnn: {error}") from error
    return frozenset(_DECLARED.findall(text))


@cache
def made_inside(source: Path, architecture: str = "aarch64") -> Mapping[str, frozenset[str]]:
    """A layer type -> the types that its code makes; an empty name -> those that ncnn makes for itself."""
    own = source / "src/layer" / _FOLDERS.get(architecture, architecture)
    by_file = {each.lower(): each for each in declared_types(source)}
    made: dict[str, set[str]] = {"": set(), **{each: set() for each in by_file.values()}}
    for file in sorted((source / "src").rglob("*")):
        if file.suffix not in (".cpp", ".h") or "vulkan" in file.stem or _of_others(file, own):
            continue
        name = file.stem if file.parent.name == "layer" else file.stem.rsplit("_", 1)[0]
        owner = "" if file.parent.name == "src" else _owner(name, by_file)
        found = _MADE.findall(file.read_text(encoding="utf-8", errors="replace"))
        made[owner] |= {name for names in found for name in names}
    return {owner: frozenset(types) & declared_types(source) for owner, types in made.items()}


def _of_others(file: Path, own: Path) -> bool:
    """Whether a file is of another architecture's folder of layers."""
    return file.parent.parent == own.parent and file.parent != own


def _owner(name: str, by_file: Mapping[str, str]) -> str:
    """The type that a file below src/layer is of, as `convolution_arm_asimdhp` is of Convolution; of those
    that are of none, such as a header for several, everybody has what they make."""
    while name not in by_file and "_" in name:
        name = name.rsplit("_", 1)[0]
    return by_file.get(name, "")


def needed_types(types: Iterable[str], source: Path, architecture: str = "aarch64") -> list[str]:
    """The types, those that their code makes, and those that ncnn needs whatever it runs, sorted.

    Raises ZooError for a type that this source of ncnn does not have.
    """
    made = made_inside(source, architecture)
    if unknown := sorted(set(types) - set(made)):
        raise ZooError(f"ncnn has no layer type {', '.join(unknown)}")
    needed: set[str] = set()
    pending = {"", *types}
    while pending:
        each = pending.pop()
        needed.add(each)
        pending |= made[each] - needed
    return sorted(needed - {""})


def cut_down(types: Iterable[str], source: Path, architecture: str = "aarch64") -> dict[str, str]:
    """The options of ncnn's build that leave out every layer type that is not needed for these."""
    left_out = declared_types(source) - set(needed_types(types, source, architecture))
    return {f"WITH_LAYER_{each.lower()}": "OFF" for each in sorted(left_out)}
