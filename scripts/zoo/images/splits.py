"""The two parts of a folder of class folders: what a model is trained on, and what is held out to judge."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.images.files import Entry, class_folders, entries
from zoo.images.kinds import is_hidden

PARTS = ("train", "test")
HELD_OUT_FOLDERS = ("test", "val", "valid", "validation")
"""What a folder that is split already may call its held-out part; the first that is there is taken."""


@dataclass(frozen=True)
class Split:
    """One part of a folder: `train` or `test`.

    A folder with a `train` folder of class folders and one of HELD_OUT_FOLDERS beside it is split already.
    Else so large a share of each class is drawn by a hash of `seed` and the images' names, rounded to the
    nearest, but at least one image on either side.
    """

    part: str
    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise ZooError(f"split must be {' or '.join(PARTS)}, not {self.part!r}")
        if not 0 < self.held_out < 1:
            raise ZooError(f"held_out must lie between 0 and 1, not {self.held_out}")


def class_names(root: Path) -> list[str]:
    """The classes of a folder in the order of their labels: timm's natural order of the folders' names.

    Raises ZooError if the folder is missing or has no class folders or only one.
    """
    if not root.is_dir():
        raise ZooError(f"{root}: there is no such folder; name one with a folder of images for each class")
    folders = _split_folders(root)
    names = class_folders(folders["train"] if folders else root)
    if not names:
        raise ZooError(f"{root} has no class folders; put the images of each class in a folder of its own")
    if len(names) == 1:
        raise ZooError(f"{root} has a single class, {names[0]}; a classifier needs the images of two or more")
    return names


def split_entries(root: Path, split: Split) -> list[Entry]:
    """The images of one part, labelled by class, sorted by name.

    Raises ZooError if the folder is no folder of class folders, a class has a single image, or the held-out
    part has a class that the other lacks.
    """
    names = class_names(root)
    if folders := _split_folders(root):
        if foreign := sorted(set(class_folders(folders["test"])) - set(names)):
            raise ZooError(
                f"{folders['test']} has the class {foreign[0]}, which {folders['train']} lacks; "
                "add images of it there or take it away here"
            )
        return entries(folders[split.part], labels=True)
    found = entries(root, labels=True)
    held = {entry.name for name in names for entry in _held_out(found, name, split)}
    return [entry for entry in found if (entry.name in held) == (split.part == "test")]


def _held_out(found: list[Entry], name: str, split: Split) -> list[Entry]:
    members = [entry for entry in found if entry.label == name]
    if len(members) == 1:
        raise ZooError(
            f"the class {name} has a single image ({members[0].path}); add more, or none is held out"
        )
    ranked = sorted(members, key=lambda entry: (_rank(split.seed, entry.name), entry.name))
    return ranked[: min(max(1, round(split.held_out * len(ranked))), len(ranked) - 1)]


def _rank(seed: int, name: str) -> bytes:
    """A draw that is the same on every platform, and for each image independent of the others."""
    return hashlib.sha256(os.fsencode(f"split\0{seed}\0{name}")).digest()


def _split_folders(root: Path) -> dict[str, Path] | None:
    """The folders of both parts, where the folder is split already.

    They must hold folders themselves: `train` may be the name of a class.
    """
    held_out = next((root / name for name in HELD_OUT_FOLDERS if _has_folders(root / name)), None)
    if held_out is None or not _has_folders(root / "train"):
        return None
    return {"train": root / "train", "test": held_out}


def _has_folders(path: Path) -> bool:
    return path.is_dir() and any(each.is_dir() and not is_hidden(each.name) for each in path.iterdir())
