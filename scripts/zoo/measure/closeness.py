"""How close an artifact's outputs are to the original model's."""

import math

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.verification import Closeness, Cosine, OutputCloseness
from zoo.measure.metrics import cosine, max_abs_error, sqnr_db, top1_agreement


def closeness(reference: Arrays, outputs: Arrays, classifies: bool = True) -> Closeness:
    """How close outputs are, each (images, …); classifies: whether the first holds a number for each class.

    Raises ValueError for another number of outputs than the reference has.
    """
    each = [_of_one(expected, got) for expected, got in zip(reference, outputs, strict=True)]
    errors = [one.max_abs_error for one in each]
    images = len(reference[0])
    logits = (reference[0].reshape(images, -1), outputs[0].reshape(images, -1))
    return Closeness(
        images=images,
        cosine=Cosine(min(one.cosine.min for one in each), min(one.cosine.mean for one in each)),
        sqnr_db=min(one.sqnr_db for one in each),
        max_abs_error=None if None in errors else max(error for error in errors if error is not None),
        top1_agreement=top1_agreement(*logits) if classifies else None,
        outputs=tuple(each) if len(each) > 1 else (),
    )


def _of_one(expected: NDArray[np.float32], got: NDArray[np.float32]) -> OutputCloseness:
    error = max_abs_error(expected, got)
    # of one number an image only the sign would count, so all images together make the vector
    pairs = zip(expected, got, strict=True) if expected[0].size > 1 else [(expected, got)]
    cosines = [cosine(one, other) for one, other in pairs]
    return OutputCloseness(
        expected.shape[1:],
        Cosine(min(cosines), float(np.mean(cosines))),
        sqnr_db(expected, got),
        error if math.isfinite(error) else None,
    )
