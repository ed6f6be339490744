"""Data sets that the library carries, written out as image folders so that the rest sees files only."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.jobs.scratch import scratch

TEST_SHARE = 5
"""One image in so many of each class, rounded to the nearest, goes to the test split."""


@dataclass(frozen=True)
class Dataset:
    """A packaged data set: its licence, where it comes from, its class names, and how it is written."""

    licence: str
    origin: str
    classes: tuple[str, ...]
    write: Callable[[Path], None]
    """Writes `train/<class>/<index>.png` and `test/<class>/<index>.png` below a folder."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """What a training on it sets, see `zoo.config.training.recipe`."""


def write_dataset(name: str, folder: Path) -> None:
    """Write a data set of DATASETS as an image folder, in place of what `folder` held before.

    The same bytes every time; a reader sees the old folder, none, or the whole new one.

    Raises ZooError if there is no such data set.
    """
    if name not in DATASETS:
        raise ZooError(f"no data set is called {name}; there are: {', '.join(DATASETS)}")
    with scratch(folder) as place:
        DATASETS[name].write(place / "new")
        if folder.exists():
            folder.rename(place / "old")
        (place / "new").rename(folder)


def write_digits(folder: Path) -> None:
    """1797 handwritten digits, 8x8 pixels, written as 8-bit grayscale PNG; see calib/digits/SOURCES.md.

    The data set's values 0..16 become round(value 255 / 16). A file is named by its place in the data set.
    """
    import numpy as np
    from PIL import Image

    with np.load(Path(__file__).with_name("digits.npz")) as digits:
        pixels, labels = np.rint(digits["images"] * (255 / 16)).astype(np.uint8), digits["labels"]
    for label, name in enumerate(DIGITS):
        indices = [int(index) for index in np.flatnonzero(labels == label)]
        test = _drawn({index: pixels[index].tobytes() for index in indices})
        for index in indices:
            path = folder / ("test" if index in test else "train") / name / f"{index:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[index]).save(path, optimize=False)


def _drawn(images: dict[int, bytes]) -> set[int]:
    """The indices of the test split: those whose pixels have the lowest hashes.

    A draw by hash stays the same on every platform and in every version of numpy, and depends on no order.
    """
    ranked = sorted(images, key=lambda index: (hashlib.sha256(images[index]).digest(), index))
    return set(ranked[: round(len(ranked) / TEST_SHARE)])


DIGITS = tuple("0123456789")
DATASETS = {
    "digits": Dataset(
        licence="CC-BY-4.0",
        origin="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        classes=DIGITS,
        write=write_digits,
        recipe={
            "epochs": 30,
            "warmup_epochs": 3,
            "learning_rate": 2e-3,
            "augment": {
                # a mirrored digit is none, and these have no colour
                **{"hflip": 0.0, "color_jitter": None, "auto_augment": None, "re_prob": 0.0},
                **{"scale": [0.7, 1.0], "ratio": [0.9, 1.1]},
            },
        },
    )
}
"""The data sets that a model can be trained on (`weights: {train: …}`), by name."""
