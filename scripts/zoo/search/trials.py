"""What was measured of a candidate, and of all of them."""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from zoo.array_types import Arrays
from zoo.config.records.benchmark import TimedLatency
from zoo.config.records.record import Record
from zoo.errors import ZooError
from zoo.measure.closeness import closeness
from zoo.measure.metrics import MAX_DB, top1_agreement, topk_accuracy
from zoo.runners.artifact import Artifact
from zoo.runners.reference import Reference, flat

FLOATS = "fp16"
"""The candidate without int8: what a model costs that keeps every answer."""


@dataclass(frozen=True)
class Fidelity:
    """How close a candidate's outputs are to those of fp32 on the held-out calibration images.

    sqnr_db: in dB, of the worst output. agreement: share, 0 to 1, of images with the same first class, None
    for a model that is no classifier. top1_drop: percentage points of accuracy lost, None without labels.
    min_cosine: of the worst image, see `zoo.measure.closeness`; None in a record of before it was measured.
    """

    sqnr_db: float
    agreement: float | None
    top1_drop: float | None
    min_cosine: float | None = None

    @classmethod
    def of(cls, reference: Reference, outputs: Arrays) -> "Fidelity":
        """From outputs, each (images, …)."""
        close = closeness(reference.outputs, outputs, reference.names, reference.classifies)
        if not reference.classifies:
            return cls(close.sqnr_db, None, None, close.cosine.min)
        logits, drop = flat(outputs), None
        if reference.labels is not None:
            before, after = (topk_accuracy(each, reference.labels, 1) for each in (reference.logits, logits))
            drop = 100 * (before - after)
        return cls(close.sqnr_db, top1_agreement(reference.logits, logits), drop, close.cosine.min)


@dataclass(frozen=True, kw_only=True)
class Tried(Fidelity, Record):
    """What is known of a candidate before it is timed. images: how many fidelity was measured on; bytes: of
    its files."""

    KIND: ClassVar[str] = "trial"

    name: str
    images: int
    bytes: int

    @classmethod
    def of_files(cls, artifact: Artifact, reference: Reference, outputs: Arrays) -> "Tried":
        """From the outputs of a candidate, each (images, …)."""
        return cls(
            **vars(Fidelity.of(reference, outputs)),
            name=artifact.name,
            images=len(reference.names),
            bytes=sum(file.stat().st_size for file in artifact.files),
        )


@dataclass(frozen=True)
class Measured(Record):
    """What is known of all candidates. latencies: in the order of `tried`; none where none can be timed."""

    KIND: ClassVar[str] = "record of trials"

    tried: tuple[Tried, ...]
    latencies: tuple[TimedLatency, ...]


@dataclass(frozen=True)
class Trial:
    """What was measured of one candidate. See `Fidelity` for the first figures.

    bytes: of its files. int8_weights, int8_multiply_adds: shares, 0 to 1, that are int8, of all that layers
    with weights have. latency_ms: of one run, one thread, the 10th percentile. speedup: fp32's over its
    own, timed in turn; error: its relative standard error. On a device that cannot be timed both are None.

    Raises ZooError, when it is made, for a speedup that none can have.
    """

    name: str
    sqnr_db: float
    agreement: float | None
    top1_drop: float | None
    bytes: int
    int8_weights: float
    int8_multiply_adds: float
    latency_ms: float | None
    speedup: float | None
    error: float = 0.0
    min_cosine: float | None = None

    def __post_init__(self) -> None:
        if self.speedup is not None and not 0 < self.speedup < inf:
            raise ZooError(f"{self.speedup} is no speedup of {self.name}")

    @classmethod
    def of(cls, tried: Tried, latency: TimedLatency | None, int8_shares: tuple[float, float]) -> "Trial":
        """From what was measured of a candidate. latency: None where it cannot be timed.

        Times are those of the quick runs of both models, the 10th percentiles: what else the machine does
        slows the others, and not always both alike.
        """
        weights, products = int8_shares
        return cls(
            tried.name,
            tried.sqnr_db,
            tried.agreement,
            tried.top1_drop,
            tried.bytes,
            int8_weights=weights,
            int8_multiply_adds=products,
            latency_ms=latency.p10_ms if latency else None,
            speedup=latency.reference.p10_ms / latency.p10_ms if latency else None,
            error=latency.ratio_error / latency.ratio if latency else 0.0,
            min_cosine=tried.min_cosine,
        )

    @classmethod
    def of_fp32(cls, latency: TimedLatency | None, size: int, classifies: bool) -> "Trial":
        """fp32 itself, as it was timed beside a candidate: what the others are compared with. size: bytes."""
        return cls(
            "fp32",
            sqnr_db=MAX_DB,
            agreement=1.0 if classifies else None,
            top1_drop=0.0,
            bytes=size,
            int8_weights=0.0,
            int8_multiply_adds=0.0,
            latency_ms=latency.reference.p10_ms if latency else None,
            speedup=1.0 if latency else None,
            min_cosine=1.0,
        )

    @property
    def time_ratio(self) -> float | None:
        """Its latency over fp32's; None if it was not timed."""
        return None if self.speedup is None else 1 / self.speedup

    @property
    def drop(self) -> float:
        """Points of top-1 lost: measured with labels, else the most that it can be, all disagreements."""
        return 100 * (1 - self.agreed) if self.top1_drop is None else self.top1_drop

    @property
    def agreed(self) -> float:
        """Agreement as a number: what is no classifier has no first class to change."""
        return 1.0 if self.agreement is None else self.agreement
