"""best.json: which artifact of a model to ship on a device, and why that one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.config.records.record import Record
from zoo.ncnn.options import Options


@dataclass(frozen=True)
class Contender:
    """An artifact that could be the one.

    failures: the gates that it fails; empty if it passes. bytes: of its files. sqnr_db: of its outputs to the
    original's, None where it gave none. latency_ms: the median for an image; ratio: over fp32 in ncnn timed
    in turn, above 1 if it is slower; both None on a device that cannot be timed. options: of ncnn, that all
    of this holds with. doubt: why its time cannot be believed, see `zoo.config.records.steadiness`, and is
    compared with no other.
    """

    artifact: str
    failures: tuple[str, ...]
    bytes: int
    sqnr_db: float | None
    latency_ms: float | None
    ratio: float | None
    options: Options = field(default_factory=Options)
    doubt: str | None = None


@dataclass(frozen=True)
class BestArtifact(Record):
    """The artifact to ship.

    objective, max_latency_ms, max_mb: what was asked for. threads: of the CPU, that it was timed with; None
    if nothing was timed. reason: in a sentence. files: SHA-256 by the name that the artifact's file has.
    contenders: all, as the objective orders them, those last that are none. options: of ncnn, that whoever
    runs it is to set, as the programs of its bundle do.
    """

    KIND: ClassVar[str] = "choice of the best artifact"

    model: str
    device: str
    artifact: str
    objective: str
    max_latency_ms: float | None
    max_mb: float | None
    threads: int | None
    reason: str
    files: Mapping[str, str]
    contenders: tuple[Contender, ...]
    options: Options = field(default_factory=Options)
