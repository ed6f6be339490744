"""Images as they were when a build was planned: its jobs read them minutes or hours later."""

import hashlib
import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.images.sets import ImageSet, fingerprint, left_out

FAULT = "fault: "
"""How a state begins that tells what is wrong."""
MOST_DECODED = 16
"""Of the images of a set that seem damaged so many are decoded each time a build starts."""
MADE_HERE = "made here"
"""The state of images that a rule writes: they are an input, and need no other."""


def state_of(images: ImageSet) -> str:
    """Changes when the images of a set do. What is wrong with a set is its state too: the job that reads it
    says it again, for its own model only. Of a small set that is also an image that cannot be decoded, where
    its bytes tell as much; of others the job says which."""
    suspects: list[Path] = []
    try:
        found = fingerprint(images, suspects)
        _decode(suspects[:MOST_DECODED], images.name)
        return found
    except (ZooError, OSError) as error:
        return f"{FAULT}{error}"


def _decode(paths: Iterable[Path], name: str) -> None:
    """Raises ZooError for the first file that is no image, or half of one."""
    for path in paths:
        from zoo.images.decode import read_image

        try:
            read_image(path)
        except ZooError as error:
            raise ZooError(f"image set {name}: {error}") from error


def fault_in(state: str) -> str | None:
    """What is wrong with a set of that state, in a sentence; None if nothing is."""
    return state.removeprefix(FAULT) if state.startswith(FAULT) else None


def identity(images: Mapping[str, Any], state: str) -> str:
    """What a set, as plain values, is on every machine: its fingerprint, in hex; of one that a rule writes a
    hash of what is chosen of it, for how images are compressed is the machine's affair.

    state: that of when the build was planned. Raises what `fingerprint` raises.
    """
    if state != MADE_HERE:
        return fingerprint(ImageSet.from_dict(images))
    chosen = {key: value for key, value in images.items() if key not in ("path", "classes")}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()


@contextmanager
def as_planned(*planned: tuple[ImageSet | Mapping[str, Any], str]) -> Iterator[None]:
    """Each set that the block reads, as it is or as plain values, with its state when the build was planned.

    Raises ZooError, when the block has ended, if the images are others by then: nobody knows which of them
    were read. What the job wrote is then removed, as that of any job that fails.
    """
    yield
    for images, state in planned:
        declared = images if isinstance(images, ImageSet) else ImageSet.from_dict(images)
        if state != MADE_HERE and state_of(declared) != state:
            raise ZooError(
                f"image set {declared.name}: {declared.path} has changed since this build was planned, so "
                "what was made of it is dropped; run again when nobody writes there"
            )


def tell_left_out(*sets: ImageSet | Mapping[str, Any]) -> None:
    """Say in a line, in the log of the job, what lies among images of sets and is not read; on the terminal
    too, unless these are notes about the images only. Sets of one folder are told of once. Of one that is
    missing whoever reads it tells.
    """
    declared = [each if isinstance(each, ImageSet) else ImageSet.from_dict(each) for each in sets]
    for images in {each.path: each for each in declared if each.path.exists()}.values():
        others = left_out(images)
        if str(others):
            logging.info("image set %s: %s: not read are %s", images.name, images.path, others)
        if others.surprises:
            print(f"note: {images.path}: not read are {others}", file=sys.stderr)
