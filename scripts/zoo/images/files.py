"""Finding a set's images: a folder, or a list file, with or without labels.

Names are looked at here, and the first bytes of files whose names do not tell; never pixels, and only the
standard library is imported: a build lists its image sets each time it starts.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from zoo.errors import ZooError
from zoo.images.inputs import SUFFIX as ARRAYS
from zoo.images.kinds import (
    HEAD_BYTES,
    OF_BUILDS,
    RAW,
    SUFFIXES,
    LeftOut,
    is_hidden,
    is_picture,
    is_unfinished,
    suffix,
)
from zoo.images.text import not_utf8, read_lines

EXTENSIONS = SUFFIXES | {ARRAYS}
"""Of images, and of files of arrays."""

MOST_LOOKED_INTO = 4000
"""How many files of unknown suffix a folder may hold to be looked into, one by one, each time a build
starts."""


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


def entries(path: Path, labels: bool = False, left_out: LeftOut | None = None) -> list[Entry]:
    """The images of a folder or of a list file, sorted by name.

    A folder is searched recursively for files with one of EXTENSIONS, and for others that begin as a picture
    does, as long as no more than MOST_LOOKED_INTO must be looked into. Hidden files and folders are passed
    over; links are followed, and left out where they lead to nothing. A list file is text with one image a
    line, relative to the list file, and an optional label after a tab; a line that starts with `#` is a
    comment, unless a file is called so. Names may hold spaces. A file that has two names, within its class,
    counts once.

    labels: whether each image must have one: the name of its own folder, or in a list what follows the tab.
    left_out: counts what is not taken.

    Raises ZooError naming the file and line for a missing path, a folder that cannot be read, a listed file
    that is missing or has two labels, or a missing label.
    """
    left_out = LeftOut() if left_out is None else left_out
    found = _in_folder(path, labels, left_out) if path.is_dir() else _listed(path, labels, left_out)
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
        known = {name.strip(): number for number, name in enumerate(read_lines(classes, "the class map"))}
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
    folders = {_folder_of(name) for name, _ in _walk(root, LeftOut())}
    return sorted(folders - {""}, key=_natural)


def _folder_of(name: str) -> str:
    """The name of the folder that a file of a set lies in; nothing for the set's own."""
    return name.rpartition("/")[0].rpartition("/")[2]


def _walk(root: Path, left_out: LeftOut) -> Iterator[tuple[str, str]]:
    """The name of each image, and where it really lies; those that are links after the others."""
    folders, linked = [(str(root), "")], list[tuple[str, str]]()
    links = list[tuple[str, str]]()
    seen = set()
    while folders or linked:
        folder, prefix = folders.pop() if folders else linked.pop()
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back
            left_out.twice += 1
            continue
        seen.add(real)
        for each in _members(folder):
            name = prefix + each.name
            if is_hidden(each.name):
                left_out.hidden += each.name != OF_BUILDS
            elif each.is_dir():
                (linked if each.is_symlink() else folders).append((each.path, name + "/"))
            elif is_unfinished(each.name):
                left_out.hidden += 1
            elif each.is_symlink() and not Path(each.path).exists():
                left_out.broken += 1
            elif not _is_taken(each, left_out):
                left_out.other(Path(each.name))
            elif each.is_symlink():
                links.append((_utf8(name, root), os.path.realpath(each.path)))
            else:
                yield _utf8(name, root), f"{real}/{each.name}"
    yield from links


def _members(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as members:
            return sorted(members, key=lambda each: each.name)
    except OSError as error:
        raise ZooError(f"{folder} cannot be read ({error.strerror}); mend its permissions") from error


def _is_taken(file: os.DirEntry[str], left_out: LeftOut) -> bool:
    """Whether a file is an image, by its name or else by how it begins."""
    kind = suffix(file.name)
    if kind in EXTENSIONS or kind in RAW or not file.is_file():
        return kind in EXTENSIONS
    left_out.looked += 1
    if left_out.looked > MOST_LOOKED_INTO:
        return False
    try:
        with Path(file.path).open("rb") as opened:
            return is_picture(opened.read(HEAD_BYTES))
    except OSError as error:
        raise ZooError(f"{file.path} cannot be read ({error.strerror}); mend its permissions") from error


def _utf8(name: str, place: Path) -> str:
    """The name, as later jobs write it down. Raises ZooError if it is no UTF-8, as old archives' may be."""
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name).decode(errors="backslashreplace")
        raise ZooError(f"{place}: the name {shown} is not UTF-8; rename it (convmv does so)") from None
    return name


def _in_folder(root: Path, labels: bool, left_out: LeftOut) -> Iterator[Entry]:
    seen = set()
    strays = []
    for name, real in _walk(root, left_out):
        label = _folder_of(name) if labels else None
        if (real, label) in seen:
            left_out.twice += 1
            continue
        seen.add((real, label))
        strays += [name] if label == "" else []
        yield Entry(name, root / name, label)
    if strays:
        raise ZooError(
            f"{root / min(strays)} lies in no class folder, and labels are asked for; move it or turn labels "
            "off"
        )


def _listed(listing: Path, labels: bool, left_out: LeftOut) -> Iterator[Entry]:
    lines = read_lines(listing, "the image folder or list file", errors="surrogateescape")
    first: dict[tuple[int, int], tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        name, _, text = line.partition("\t")
        if not line.strip() or (line.startswith("#") and not (listing.parent / name).is_file()):
            continue
        where = f"{listing}, line {number}"
        label = text.strip()
        spelled = _listed_name(listing, number, name)
        state = (listing.parent / spelled).stat()
        itself = state.st_dev, state.st_ino  # whatever links, or a disk that knows no case, make of its name
        if itself in first:
            line_of_first, other = first[itself]
            if labels and label != other:
                raise ZooError(
                    f"{where}: {name} is listed twice, in line {line_of_first} as {other!r} and here as "
                    f"{label!r}; drop one of the lines"
                )
            left_out.twice += 1
            continue
        if labels and not label:
            raise ZooError(f"{where}: a tab and the class must follow the name; add them or turn labels off")
        first[itself] = number, label
        yield Entry(spelled, listing.parent / spelled, label if labels else None)


def _listed_name(listing: Path, number: int, name: str) -> str:
    """The file that a line names, without `./`: as it stands there, or without blanks and quotes around it,
    or with `/` for the `\\` of Windows."""
    plain = name.strip().strip('"')
    for spelled in dict.fromkeys((name, plain, plain.replace("\\", "/"))):
        if (listing.parent / spelled).is_file():
            return os.path.normpath(_utf8(spelled, Path(f"{listing}, line {number}")))
    if stray := next((letter for letter in name if "\udc80" <= letter <= "\udcff"), None):
        raise not_utf8(listing, number, ord(stray) & 0xFF)
    raise ZooError(
        f"{listing}, line {number}: there is no file {name!r} (a label follows a tab, not a space or a "
        "comma); mend the line"
    )


def _natural(name: str) -> tuple[list[str | int], str]:
    """timm's natural order: digits compare as numbers and letters without case; ties go by spelling."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name.lower())], name
