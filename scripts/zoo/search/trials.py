"""What was measured of a candidate."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from zoo.array_types import Arrays
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db, top1_agreement, topk_accuracy
from zoo.runners.reference import Reference, flat


@dataclass(frozen=True)
class Fidelity:
    """How close a candidate's outputs are to those of fp32 on the held-out calibration images.

    sqnr_db: in dB, of the worst output. agreement: share, 0 to 1, of images with the same first class, None
    for a model that is no classifier. top1_drop: percentage points of accuracy lost, None without labels.
    """

    sqnr_db: float
    agreement: float | None
    top1_drop: float | None

    @classmethod
    def of(cls, reference: Reference, outputs: Arrays) -> "Fidelity":
        """From outputs, each (images, …)."""
        worst = min(sqnr_db(one, other) for one, other in zip(reference.outputs, outputs, strict=True))
        if not reference.classifies:
            return cls(worst, None, None)
        logits, drop = flat(outputs), None
        if reference.labels is not None:
            before, after = (topk_accuracy(each, reference.labels, 1) for each in (reference.logits, logits))
            drop = 100 * (before - after)
        return cls(worst, top1_agreement(reference.logits, logits), drop)


@dataclass(frozen=True)
class Trial:
    """What was measured of one candidate. See `Fidelity` for the first figures.

    bytes: of its files. int8_weights, int8_multiply_adds: shares, 0 to 1, that are int8, of all that layers
    with weights have. latency_ms: of one run, one thread, the 10th percentile. speedup: fp32's over its
    own, timed in turn; error: its relative standard error.
    """

    name: str
    sqnr_db: float
    agreement: float | None
    top1_drop: float | None
    bytes: int
    int8_weights: float
    int8_multiply_adds: float
    latency_ms: float
    speedup: float
    error: float = 0.0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Trial":
        """From plain values, keys that are not of a trial left out. Raises ZooError if one is missing."""
        try:
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except KeyError as error:
            raise ZooError(f"a trial lacks {error}; delete its files to have it measured again") from None

    @property
    def drop(self) -> float:
        """Points of top-1 lost: measured with labels, else the most that it can be, all disagreements."""
        return 100 * (1 - self.agreed) if self.top1_drop is None else self.top1_drop

    @property
    def agreed(self) -> float:
        """Agreement as a number: what is no classifier has no first class to change."""
        return 1.0 if self.agreement is None else self.agreement
