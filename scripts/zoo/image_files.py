"""Finding a set's images: a folder, or a list file, with or without labels.

Names are looked at here, never pixels, and only the standard library is imported: a build lists its image
sets each time it starts.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zoo.errors import ZooError

EXTENSIONS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".npz"])
"""Of images, and of files of arrays for models that take other inputs (see `zoo.inputs`)."""


class Entry(NamedTuple):
    """One image: its name within the set (relative, with `/`), its file, and its label if one is wanted."""

    name: str
    path: Path
    label: int | None


def entries(path: Path, labels: bool = False, classes: Path | None = None) -> list[Entry]:
    """The images of a folder or of a list file, sorted by name.

    A folder is searched recursively for files with one of EXTENSIONS; links are followed. A list file is
    UTF-8 text with one image a line, relative to the list file, and an optional label after a tab; a line
    that starts with `#` is a comment. Names may hold spaces.

    labels: whether each image must have one. In a folder it is the index of the image's own folder among all
        such folders in natural order, as in timm's folder reader; in a list it is the number after the tab.
    classes: a timm class map, one class name a line. Folder names, and names after the tab in a list, then
        stand for their line number, from 0.

    Raises ZooError naming the file and line for a missing path, a listed file that is missing or listed
    twice, a missing label or an unknown class.
    """
    index = _class_map(classes) if classes else None
    if path.is_dir():
        found = _labelled(path, index) if labels else (Entry(n, path / n, None) for n in _walk(path))
    else:
        found = _listed(path, labels, index)
    return sorted(found, key=lambda entry: entry.name)


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
        yield from (prefix + file for file in files if _suffix(file) in EXTENSIONS)


def _suffix(file: str) -> str:
    return "." + file.rpartition(".")[2].lower()


def _labelled(root: Path, index: dict[str, int] | None) -> Iterator[Entry]:
    folders = {name: name.rpartition("/")[0].rpartition("/")[2] for name in _walk(root)}
    if stray := sorted(name for name, folder in folders.items() if not folder):
        raise ZooError(
            f"{root / stray[0]} lies in no class folder, and labels are asked for; move it or turn labels off"
        )
    if index is None:
        index = {name: number for number, name in enumerate(sorted(set(folders.values()), key=_natural))}
    for name, folder in folders.items():
        yield Entry(name, root / name, _label(index, folder, str(root / name)))


def _listed(listing: Path, labels: bool, index: dict[str, int] | None) -> Iterator[Entry]:
    # Names that are not UTF-8 come through unchanged.
    lines = _read(listing, "the image folder or list file", errors="surrogateescape")
    seen = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{listing}, line {number}"
        name, _, text = line.partition("\t")
        if name in seen:
            raise ZooError(f"{where}: {name} is listed twice; drop one of the lines")
        seen.add(name)
        if not (listing.parent / name).is_file():
            raise ZooError(
                f"{where}: there is no file {name!r} (a label follows a tab, not a space); mend the line"
            )
        label = None
        if labels and index is not None:
            label = _label(index, text.strip(), where)
        elif labels:
            if not re.fullmatch("[0-9]+", text.strip()):
                raise ZooError(
                    f"{where}: a tab and a whole number must follow the name; add it or turn labels off"
                )
            label = int(text)
        yield Entry(name, listing.parent / name, label)


def _class_map(path: Path) -> dict[str, int]:
    return {line.strip(): number for number, line in enumerate(_read(path, "the class map"))}


def _read(path: Path, what: str, errors: str = "strict") -> list[str]:
    try:
        return [line.rstrip("\r") for line in path.read_text("utf-8-sig", errors).split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise ZooError(f"{what} {path} cannot be read ({error}); name one that can") from error


def _label(index: dict[str, int], name: str, where: str) -> int:
    if name not in index:
        raise ZooError(f"{where}: the class map has no class {name!r}; add it there or leave the image out")
    return index[name]


def _natural(name: str) -> tuple[list[str | int], str]:
    """timm's natural order: digits compare as numbers and letters without case; ties go by spelling."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower())], name
