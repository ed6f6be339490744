"""How close an artifact's outputs are to the original model's.

What an output can be, its range, is the largest value that the original gives for any of the images. Against
it some errors are none: the cosine of two outputs that are all but zero says nothing.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.verification import Closeness, Cosine, OutputCloseness, WorstImage
from zoo.measure.metrics import cosine, max_abs_error, ratio_db, sqnr_db, top1_agreement

NO_ERROR = 0.001
"""An error of no more than this share of an output's range is none."""

ALL_BUT_ZERO = 0.01
"""Values of no more than this share of an output's range are all but zero, so that they have no direction."""


def closeness(reference: Arrays, outputs: Arrays, names: Sequence[str], classifies: bool = True) -> Closeness:
    """How close outputs are, each (images, …); classifies: whether the first holds a number for each class.

    names: of the images. Raises ValueError for another number of outputs than the reference has.
    """
    pairs = list(zip(reference, outputs, strict=True))
    each = [_of_one(expected, got) for expected, got in pairs]
    errors = [one.max_abs_error for one in each]
    images = len(reference[0])
    logits = (reference[0].reshape(images, -1), outputs[0].reshape(images, -1))
    worst = [_worst_image(place, expected, got, names) for place, (expected, got) in enumerate(pairs)]
    return Closeness(
        images=images,
        cosine=Cosine(min(one.cosine.min for one in each), min(one.cosine.mean for one in each)),
        sqnr_db=min(one.sqnr_db for one in each),
        max_abs_error=None if None in errors else max(error for error in errors if error is not None),
        top1_agreement=top1_agreement(*logits) if classifies else None,
        outputs=tuple(each) if len(each) > 1 else (),
        worst=min(worst, key=lambda one: one.sqnr_db),
    )


def _of_one(expected: NDArray[np.float32], got: NDArray[np.float32]) -> OutputCloseness:
    error, reach = max_abs_error(expected, got), _range(expected)
    # of one number an image only the sign would count, so all images together make the vector
    pairs = zip(expected, got, strict=True) if expected[0].size > 1 else [(expected, got)]
    cosines = [1.0 if _is_none(one, other, reach) else cosine(one, other) for one, other in pairs]
    return OutputCloseness(
        expected.shape[1:],
        Cosine(min(cosines), float(np.mean(cosines))),
        sqnr_db(expected, got),
        error if math.isfinite(error) else None,
    )


def _range(expected: NDArray[np.float32]) -> float:
    return float(np.abs(expected).max(initial=0.0))


def _is_none(expected: NDArray[np.float32], got: NDArray[np.float32], reach: float) -> bool:
    """Whether the error for an image is none, beside what the output can be."""
    if max_abs_error(expected, got) <= NO_ERROR * reach:
        return True
    return all(_range(each) <= ALL_BUT_ZERO * reach for each in (expected, got))


def _worst_image(
    place: int, expected: NDArray[np.float32], got: NDArray[np.float32], names: Sequence[str]
) -> WorstImage:
    """The image for which an output is furthest off: by its SQNR, in which an output that is all but zero
    counts as one at the limit of that."""
    one, other = (each.reshape(len(each), -1).astype(np.float64) for each in (expected, got))
    least = (ALL_BUT_ZERO * _range(expected)) ** 2
    signals = np.maximum(np.square(one).sum(axis=1), least)
    noises = np.square(one - other).sum(axis=1)
    ratios = [ratio_db(float(signal), float(noise)) for signal, noise in zip(signals, noises, strict=True)]
    index = int(np.argmin(ratios))
    return WorstImage(place, names[index], cosine(one[index], other[index]), ratios[index])
