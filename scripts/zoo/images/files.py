"""Finding a set's images: a folder, or a list file, with or without labels.

Names are looked at here, never pixels, and only the standard library is imported: a build lists its image
sets each time it starts.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from zoo.errors import ZooError
from zoo.jobs.files import regular

EXTENSIONS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".npz"])
"""Of images, and of files of arrays for models that take other inputs (see `zoo.images.inputs`)."""


class Entry(NamedTuple):
    """One image: its name within the set (relative, with `/`), its file, and its class's name if wanted."""

    name: str
    path: Path
    label: str | None


@dataclass(frozen=True)
class ModelClasses:
    """The classes of a model: how many, and lists of names for them (WordNet ids, labels), in order."""

    count: int
    names: tuple[tuple[str, ...], ...] = ()


def entries(path: Path, labels: bool = False) -> list[Entry]:
    """The images of a folder or of a list file, sorted by name.

    A folder is searched recursively for files with one of EXTENSIONS; links are followed. A list file is
    UTF-8 text with one image a line, relative to the list file, and an optional label after a tab; a line
    that starts with `#` is a comment. Names may hold spaces.

    labels: whether each image must have one: the name of its own folder, or in a list what follows the tab.

    Raises ZooError naming the file and line for a missing path, a listed file that is missing or listed
    twice, or a missing label.
    """
    if path.is_dir():
        found = _labelled(path) if labels else (Entry(n, path / n, None) for n in _walk(path))
    else:
        found = _listed(path, labels)
    return sorted(found, key=lambda entry: entry.name)


def class_numbers(
    path: Path, names: Collection[str], classes: Path | None = None, model: ModelClasses | None = None
) -> dict[str, int]:
    """Which output, from 0, each label of a set of images stands for.

    path, names: the folder or list, and all labels in it. classes: a timm class map, one class name a line;
    a label then stands for its line. model: the model that the labels are for. Without a class map they are
    names that it has for its classes, or else numbers, or else, if they are folders and as many as the
    model has classes, in natural order, as in timm's folder reader. Without a model, folders are always in
    that order.

    Raises ZooError for labels that do not match the class map or the model's classes.
    """
    if model is not None and not model.count:
        raise ZooError(f"{path}: its images are labelled, and the model has no classes; name another set")
    if classes is not None:
        known = {name.strip(): number for number, name in enumerate(_read(classes, "the class map"))}
        if unknown := sorted(set(names) - set(known)):
            raise ZooError(
                f"{path}: the class map {classes} has no class {unknown[0]!r}; add it there or leave its "
                "images out"
            )
        found = {name: known[name] for name in names}
    else:
        found = _by_name(names, model) or _by_number(path, names, model) or _in_order(path, names, model)
    if model is not None and (largest := max(found.values(), default=0)) >= model.count:
        raise ZooError(
            f"{path}: its labels go up to {largest}, the model has {model.count} classes (0 to "
            f"{model.count - 1}); name the set's classes, or another set"
        )
    return found


def _by_name(names: Collection[str], model: ModelClasses | None) -> dict[str, int] | None:
    for known in model.names if model else ():
        times = Counter(known)
        number = {name: index for index, name in enumerate(known) if times[name] == 1}
        if number.keys() >= set(names):
            return {name: number[name] for name in names}
    return None


def _by_number(path: Path, names: Collection[str], model: ModelClasses | None) -> dict[str, int] | None:
    if (model is None and path.is_dir()) or not all(re.fullmatch("[0-9]+", name) for name in names):
        return None
    return {name: int(name) for name in names}


def _in_order(path: Path, names: Collection[str], model: ModelClasses | None) -> dict[str, int]:
    if path.is_dir() and (model is None or len(names) == model.count):
        return {name: number for number, name in enumerate(sorted(names, key=_natural))}
    known = {each for each_list in model.names for each in each_list} if model else set()
    strange = min(names, key=lambda name: (name in known, name.isdecimal(), name))
    if model is None:
        raise ZooError(f"{path}: the label {strange!r} is not a whole number; name the set's classes")
    raise ZooError(
        f"{path}: its images are of {len(names)} classes, the model has {model.count}, and {strange!r} is "
        "none of them by name or number; rename it, name the set's classes, or another set"
    )


def class_folders(root: Path) -> list[str]:
    """The names of the folders below `root` that images lie in, in timm's natural order."""
    folders = {name.rpartition("/")[0].rpartition("/")[2] for name in _walk(root)}
    return sorted(folders - {""}, key=_natural)


def _walk(root: Path) -> Iterator[str]:
    seen = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        state = Path(folder).stat()
        if (state.st_dev, state.st_ino) in seen:  # a link that leads back
            subfolders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if below == "." else below + "/"
        yield from (_utf8(prefix + file, root) for file in files if _suffix(file) in EXTENSIONS)


def _utf8(name: str, place: Path) -> str:
    """The name, as later jobs write it down. Raises ZooError if it is no UTF-8, as old archives' may be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name).decode(errors="backslashreplace")
        raise ZooError(f"{place}: the name {shown} is not UTF-8; rename it (convmv does so)") from None
    return name


def _suffix(file: str) -> str:
    return "." + file.rpartition(".")[2].lower()


def _labelled(root: Path) -> Iterator[Entry]:
    folders = {name: name.rpartition("/")[0].rpartition("/")[2] for name in _walk(root)}
    if stray := sorted(name for name, folder in folders.items() if not folder):
        raise ZooError(
            f"{root / stray[0]} lies in no class folder, and labels are asked for; move it or turn labels off"
        )
    for name, folder in folders.items():
        yield Entry(name, root / name, folder)


def _listed(listing: Path, labels: bool) -> Iterator[Entry]:
    lines = _read(listing, "the image folder or list file", errors="surrogateescape")
    seen = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{listing}, line {number}"
        name, _, text = _utf8(line, Path(where)).partition("\t")
        if name in seen:
            raise ZooError(f"{where}: {name} is listed twice; drop one of the lines")
        seen.add(name)
        if not (listing.parent / name).is_file():
            raise ZooError(
                f"{where}: there is no file {name!r} (a label follows a tab, not a space); mend the line"
            )
        if labels and not text.strip():
            raise ZooError(f"{where}: a tab and the class must follow the name; add them or turn labels off")
        yield Entry(name, listing.parent / name, text.strip() if labels else None)


def _read(path: Path, what: str, errors: str = "strict") -> list[str]:
    try:
        return [line.rstrip("\r") for line in regular(path).read_text("utf-8-sig", errors).split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{what} {path} cannot be read ({error}); name one that can") from error


def _natural(name: str) -> tuple[list[str | int], str]:
    """timm's natural order: digits compare as numbers and letters without case; ties go by spelling."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower())], name
