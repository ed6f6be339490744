"""Reading samples: decoded in parallel, cropped, prepared for one model."""

import os
import struct
import zlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.errors import ZooError
from zoo.images.inputs import IMAGE, SUFFIX, Feed, filled, from_arrays
from zoo.images.preprocess import Preprocess, prepare
from zoo.images.sets import Sample
from zoo.jobs.arrays import read_arrays
from zoo.jobs.files import regular
from zoo.jobs.in_order import in_order
from zoo.jobs.progress import progress

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow's decoders raise for a broken file."""


def read_image(path: str | Path, mode: str = "RGB") -> "PillowImage":
    """The image in Pillow's mode `mode`; by default as RGB, exactly as timm's dataset reads it:
    `Image.open(path).convert("RGB")`.

    So an EXIF orientation is ignored, transparency is dropped (the colour below it shows), a palette is
    looked up, CMYK is converted without a colour profile, the first frame stands for an animation, and 16-bit
    colour loses its low byte.

    Raises ZooError naming the file if it is missing, empty, truncated or no image, and for grayscale of more
    than 8 bits, which the conversion would clip to white.
    """
    try:
        with Image.open(regular(path)) as image:
            check_depth(image, str(path))
            return image.convert(mode)
    except FileNotFoundError:
        raise ZooError(f"{path}: there is no such image; restore it or leave it out") from None
    except BROKEN as error:
        reason = str(error).replace(f" {str(path)!r}", "")
        raise ZooError(
            f"{path}: cannot be read as an image ({reason}); replace it or leave it out"
        ) from error


def check_depth(image: "PillowImage", name: str) -> None:
    """Raises ZooError for grayscale of more than 8 bits, which Pillow would clip to white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ZooError(f"{name}: grayscale of more than 8 bits cannot be read; convert it to 8 bits")


def pixels(sample: Sample, mode: str = "RGB") -> "PillowImage":
    """The sample's part of its image, mirrored if it says so. Raises ZooError as `read_image` does."""
    image = read_image(sample.path, mode)
    if sample.crop is not None:
        image = image.crop(sample.crop.box(*image.size))
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if sample.flip else image


Inputs = tuple[NDArray[np.float32], ...]
"""One array an input of the model, in its order, without the batch."""


def load(
    samples: Sequence[Sample], feed: Feed, threads: int | None = None, title: str | None = None
) -> Iterator[tuple[Sample, Inputs]]:
    """Each sample with the model's inputs, in order, decoded ahead by a pool of threads.

    threads: how many decode at once, by default one a core; at most twice as many samples wait in memory.
    title: the text of a progress bar, see `zoo.jobs.progress`.

    Raises ZooError naming the file when the turn of one comes that cannot be read.
    """
    inputs = _ahead(samples, feed, threads or os.cpu_count() or 1)
    with closing(inputs):
        yield from progress(inputs, title, len(samples), "image")


def _ahead(
    samples: Sequence[Sample], feed: Feed, threads: int
) -> Generator[tuple[Sample, Inputs], None, None]:
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        decoded = in_order(pool, lambda sample: read_inputs(sample, feed), samples, 2 * threads)
        yield from zip(samples, decoded, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def read_inputs(sample: Sample, feed: Feed) -> Inputs:
    """The model's inputs for one sample. Raises ZooError as `read_image` does, and as `from_arrays` does for
    samples that are files of arrays."""
    if sample.path.suffix.lower() == SUFFIX:
        if sample.crop is not None or sample.flip:
            raise ZooError(f"{sample.path}: arrays cannot be cropped; turn crops off for their set")
        try:
            arrays = read_arrays(sample.path)
        except ZooError as error:
            raise ZooError(
                f"{sample.path}: cannot be read as a file of arrays; replace it or leave it out"
            ) from error
        return from_arrays(feed, arrays, str(sample.path))
    image = pixels(sample, mode(feed.record))
    try:
        return prepared(image, feed, sample.name)
    except ZooError as error:
        raise ZooError(f"{sample.path}: {error}") from error


def mode(record: Preprocess) -> str:
    """Pillow's mode in which images are read for a record."""
    return "RGBA" if record.channels == "RGBA" else "RGB"


def prepared(image: "PillowImage", feed: Feed, name: str) -> Inputs:
    """The model's inputs for an image in the `mode` of its record; others go by its name."""
    arrays = [prepare(image, record) for record in feed.records]
    given = {array.shape: array for array in arrays}
    return tuple(given[each.shape] if each.values == IMAGE else filled(each, name) for each in feed.inputs)
