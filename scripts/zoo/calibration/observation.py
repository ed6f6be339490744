"""What one image tells about the inputs of a model's layers, and how it travels from a process to another."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Floats
from zoo.calibration.columns import Window


class BlobObservation(NamedTuple):
    """What one image tells about a blob: absmax and mean by channel, and sampled columns by window, all
    float32."""

    absmax: Floats
    mean: Floats
    columns: dict[Window, Floats]


class ImageObservation(NamedTuple):
    """What one image tells. half: see `statistics.half`. priority: of its n-th column, in every blob."""

    half: int
    priority: NDArray[np.uint64]
    blobs: list[BlobObservation]


class PackedObservation(NamedTuple):
    """The same in two arrays: an image has more than a hundred, and to pickle and read them one by one took
    twice as long as their bytes do.

    shapes: of all arrays of all blobs in turn. numbers: float32, what they hold.
    """

    half: int
    priority: NDArray[np.uint64]
    shapes: list[tuple[int, ...]]
    numbers: Floats


def packed(observation: ImageObservation) -> PackedObservation:
    arrays = [each for blob in observation.blobs for each in (blob.absmax, blob.mean, *blob.columns.values())]
    numbers = np.concatenate([each.ravel() for each in arrays])
    return PackedObservation(observation.half, observation.priority, [each.shape for each in arrays], numbers)


def unpacked(observation: PackedObservation, windows: Iterable[Sequence[Window]]) -> ImageObservation:
    """windows: of each blob, in the order of its columns. The arrays are views of the packed numbers."""
    arrays = _arrays(observation)
    blobs = [
        BlobObservation(next(arrays), next(arrays), {view: next(arrays) for view in views})
        for views in windows
    ]
    return ImageObservation(observation.half, observation.priority, blobs)


def _arrays(observation: PackedObservation) -> Iterator[Floats]:
    start = 0
    for shape in observation.shapes:
        end = start + prod(shape)
        yield observation.numbers[start:end].reshape(shape)
        start = end
