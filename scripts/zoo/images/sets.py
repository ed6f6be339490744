"""Image sets: which images are read, in which order, and which part of each.

Only the standard library is imported, because a build asks for the fingerprints of its sets each time it
starts; `zoo.images.decode` decodes what `samples` lists.
"""

import hashlib
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, refuse_unknown
from zoo.images.files import Entry, ModelClasses, class_numbers, entries
from zoo.images.kinds import LeftOut, seems_damaged
from zoo.images.splits import Split, class_names, split_entries
from zoo.jobs.files import regular
from zoo.jobs.made import OF_INPUTS, remembered_sha256

# What a fingerprint reads of one set each time at most; beyond, it reads what has changed.
_CONTENT_LIMIT = 16 << 20

NOTES = Path("results", OF_INPUTS)
"""Where a build keeps what it read of files that are the user's, from the folder that it works in."""

HELD_OUT = 32
"""Calibration samples that int8 candidates are tried on, at most."""


@dataclass(frozen=True)
class Crops:
    """Random square crops: the side, as a fraction of the short edge, is uniform from smallest to largest."""

    smallest: float = 0.45
    largest: float = 1.0
    flip: bool = True
    """Mirror half of them."""

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.largest <= 1:
            raise ZooError(
                f"crops: 0 < smallest <= largest <= 1 must hold, not {self.smallest} and {self.largest}"
            )


@dataclass(frozen=True)
class ImageSet:
    """A set of images, as `config.yaml` declares it.

    name: what messages call it.
    path, labels: where the images and their labels are, see `zoo.images.files.entries`.
    classes: a file that says which label is which output, see `zoo.images.files.class_numbers`.
    images: how many samples are asked for; None for every image once.
    seed: decides which images are taken if there are more than asked for, and the crops.
    crops: None for whole images; else each sample is a random crop, and the images take turns until the
        number asked for is reached.
    fewer: whether a set that has fewer images than asked for is taken whole.
    split: the part of a folder of class folders that is meant; None for all of it.
    """

    name: str
    path: Path
    images: int | None = None
    seed: int = 0
    crops: Crops | None = None
    labels: bool = False
    classes: Path | None = None
    fewer: bool = False
    split: Split | None = None

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ZooError(f"image set {self.name}: images must be at least 1, not {self.images}")

    def to_dict(self) -> dict[str, Any]:
        """The set as plain values, for JSON and for `from_dict`."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ImageSet":
        """The set from plain values; `crops` may be true or false, `split` the name of a part.

        Raises ZooError for an unknown key.
        """
        refuse_unknown("image set", values, _keys(cls))
        arguments = dict(values)
        for key in ("path", "classes"):
            if arguments.get(key) is not None:
                arguments[key] = Path(arguments[key])
        split = arguments.pop("split", None)
        if isinstance(split, Mapping):
            refuse_unknown("split", split, _keys(Split))
            arguments["split"] = Split(**split)
        elif split is not None:
            arguments["split"] = Split(split)
        crops = arguments.pop("crops", None)
        if isinstance(crops, Mapping):
            refuse_unknown("crops", crops, _keys(Crops))
            return cls(crops=Crops(**crops), **arguments)
        return cls(crops=Crops() if crops else None, **arguments)


def _keys(cls: type) -> list[str]:
    return [field.name for field in fields(cls)]


@dataclass(frozen=True)
class Crop:
    """A square part of an image: side as a fraction of the short edge, left and top of the room it leaves."""

    side: float
    left: float
    top: float

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels for an image of `width` by `height`, for `Image.crop`."""
        side = max(1, round(self.side * min(width, height)))
        left, top = round(self.left * (width - side)), round(self.top * (height - side))
        return left, top, left + side, top + side


@dataclass(frozen=True)
class Sample:
    """One image to read: its name within the set, its file, the part to take, whether mirrored, its label."""

    name: str
    path: Path
    crop: Crop | None = None
    flip: bool = False
    label: int | None = None


def samples(image_set: ImageSet, model: ModelClasses | None = None) -> list[Sample]:
    """The set's samples, in an order that depends on names and seed only.

    Images are chosen, and the n-th crop of each is drawn, by a hash of seed, name and n: adding or removing
    an image leaves the crops of the others as they are.
    model: the model that the labels are for, see `zoo.images.files.class_numbers`.

    Raises ZooError if the set is missing or empty, has too few images, or lacks a label it should have, and
    for labels that do not match the model's classes.
    """
    found = _find(image_set)
    numbers: dict[str, int] = {}
    if image_set.labels:
        names = {entry.label for entry in found if entry.label is not None}
        if image_set.split is not None:  # a part may lack a class
            names.update(class_names(image_set.path))
        try:
            numbers = class_numbers(image_set.path, names, image_set.classes, model)
        except ZooError as error:
            raise ZooError(f"image set {image_set.name}: {error}") from error
    return [
        Sample(entry.name, entry.path, crop, flip, None if entry.label is None else numbers[entry.label])
        for entry, crop, flip in _choose(found, image_set)
    ]


def left_out(image_set: ImageSet) -> LeftOut:
    """What the set's folder or list holds beside its images.

    Raises what `samples` raises of a set that is missing."""
    found = LeftOut()
    entries(image_set.path, left_out=found)
    return found


def _find(image_set: ImageSet) -> list[Entry]:
    """The set's images; ZooError if there are none or too few."""
    name, asked = image_set.name, image_set.images
    try:
        if image_set.split is None:
            found = entries(image_set.path, image_set.labels)
        else:
            found = split_entries(image_set.path, image_set.split)
    except ZooError as error:
        raise ZooError(f"image set {name}: {error}") from error
    if not found:
        raise ZooError(f"image set {name}: {image_set.path} has no image; add some or name another path")
    few = image_set.crops is None and not image_set.fewer
    if asked is not None and asked > len(found) and few:
        raise ZooError(
            f"image set {name}: {image_set.path} has {len(found)} images and {asked} are asked for;"
            " add images, ask for fewer, or allow crops"
        )
    return found


def _choose(found: list[Entry], image_set: ImageSet) -> list[tuple[Entry, Crop | None, bool]]:
    """Which images are taken, in order; of each, the part, and whether it is mirrored."""
    asked = len(found) if image_set.images is None else image_set.images
    drawn = sorted(found, key=lambda entry: (_draw(image_set.seed, entry.name, 0)[0], entry.name))
    if image_set.crops is None:
        return [(entry, None, False) for entry in sorted(drawn[:asked])]
    chosen: list[tuple[Entry, Crop | None, bool]] = []
    for index in range(asked):
        turn, place = divmod(index, len(drawn))
        crop, flip = _crop(image_set.crops, image_set.seed, drawn[place].name, turn)
        chosen.append((drawn[place], crop, flip))
    return chosen


@dataclass(frozen=True)
class CalibrationSet:
    """The samples of a calibration set. collected: those that statistics are collected of. held_out: those
    that the result is tried on."""

    collected: list[Sample]
    held_out: list[Sample]

    @classmethod
    def of(cls, image_set: ImageSet, model: ModelClasses | None = None) -> "CalibrationSet":
        """A quarter of the images is held out, with all crops of them, in an order that depends on names
        only; at most `HELD_OUT` samples of these are kept. A single image is both: there is nothing else to
        try on.

        Raises what `samples` raises.
        """
        chosen = samples(image_set, model)
        names = sorted({sample.name for sample in chosen}, key=lambda name: _draw(0, f"held out\0{name}", 0))
        if len(names) == 1:
            return cls(chosen, spread(chosen, HELD_OUT))
        apart = set(names[: max(1, len(names) // 4)])
        collected = [sample for sample in chosen if sample.name not in apart]
        held_out = [sample for sample in chosen if sample.name in apart]
        return cls(collected, spread(held_out, HELD_OUT))


def shard(chosen: Sequence[Sample], number: int, shards: int) -> list[Sample]:
    """Part `number`, from 1 on, of so many: every n-th sample. Raises ZooError if none is left for it."""
    part = list(chosen[number - 1 :: shards])
    if not part:
        raise ZooError(
            f"{len(chosen)} calibration images are too few for {shards} shards (config.yaml: int8: shards)"
        )
    return part


def spread(chosen: Sequence[Sample], most: int) -> list[Sample]:
    """At most so many of the samples, evenly spread over them."""
    count = min(most, len(chosen))
    return [chosen[index * len(chosen) // count] for index in range(count)]


def fingerprint(image_set: ImageSet, suspects: list[Path] | None = None) -> str:
    """A hash, in hex, of all that decides what is read: names, crops, labels and the chosen files.

    The files count by their bytes, so that a fresh checkout or a `touch` changes nothing. Where these sum to
    more than 16 MiB they are read again only when size, times or inode of a file are others than they were,
    see `zoo.jobs.made`. Images that are not chosen do not count.

    Labels count by their names: which outputs these stand for is the model's to say.
    suspects: takes the files that seem damaged, of those whose bytes are read for sure.
    Raises what `samples` raises of a set whatever the model.
    """
    found = _find(image_set)
    digest = hashlib.sha256()
    for name in sorted({entry.label for entry in found if entry.label is not None}):
        digest.update(os.fsencode(f"{name}\0"))
    chosen = _choose(found, image_set)
    for entry, crop, flip in chosen:
        digest.update(os.fsencode(f"{entry.name}\0{crop}\0{flip}\0{entry.label}\0"))
    if image_set.labels and image_set.classes is not None and image_set.classes.is_file():
        digest.update(image_set.classes.read_bytes())
    paths = list(dict.fromkeys(regular(entry.path) for entry, _, _ in chosen))
    states = [path.stat() for path in paths]
    small = sum(state.st_size for state in states) <= _CONTENT_LIMIT
    for path, state in zip(paths, states, strict=True):
        digest.update(struct.pack("<q", state.st_size))
        content = path.read_bytes() if small else b""
        digest.update(content)
        if small and suspects is not None and seems_damaged(path.name, content):
            suspects.append(path)
    if not small:
        digest.update(remembered_sha256(NOTES, *paths).encode())
    return digest.hexdigest()


def _crop(crops: Crops, seed: int, name: str, turn: int) -> tuple[Crop, bool]:
    _, side, left, top, mirror = _draw(seed, name, turn)
    crop = Crop(crops.smallest + side * (crops.largest - crops.smallest), left, top)
    return crop, crops.flip and mirror < 0.5


def _draw(seed: int, name: str, turn: int) -> tuple[float, ...]:
    """Five uniform numbers in [0, 1) that depend on nothing but the arguments."""
    digest = hashlib.blake2b(os.fsencode(f"{seed}\0{turn}\0{name}"), digest_size=40).digest()
    return tuple((word >> 11) / (1 << 53) for word in struct.unpack("<5Q", digest))
