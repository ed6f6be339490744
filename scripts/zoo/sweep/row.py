"""What a model becomes: a row of a sweep, and what the doctor tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.config.records.conversion import Failure
from zoo.config.records.record import Record

ONNX, FP32, FP16, INT8 = ARTIFACTS = ("fp32.onnx", "fp32", "fp16", "int8")
"""What a model is taken through, in this order; all but the first are ncnn's."""
EXACT, EXACT_DB, FAITHFUL_DB = 0.9999, 60.0, 25.0
"""The cosine and the SQNR in dB from which a file in float32 is right; for int8 the SQNR from which it needs
no remark."""
LEAST_FP16, LEAST_INT8_DB = 0.999, 20.0
"""A build's own gates for the cosine of fp16 and the SQNR of int8."""


@dataclass(frozen=True)
class Outcome:
    """An artifact beside the untouched model. cosine: the smallest of any output and input. sqnr_db: of all.
    reason: why there is none, or why it is not what it should be, in a sentence; else empty.
    bytes: of its files. recipe: of int8, the name of the one it was made by.
    """

    cosine: float | None = None
    sqnr_db: float | None = None
    reason: str = ""
    bytes: int | None = None
    recipe: str = ""


@dataclass(frozen=True)
class Row(Record):
    """A model, from random weights unless a file brings its own.

    size: [height, width] of its image. way: to ncnn, see `zoo.export.ways`; failed: those before it.
    artifacts: by name, as far as it came. reason: why it came no further, if all ended there. versions: of
    the packages that had a part in it.
    """

    KIND: ClassVar[str] = "row of a sweep"

    library: str
    family: str
    entry: str
    size: tuple[int, int] | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    way: str = ""
    failed: tuple[Failure, ...] = ()
    artifacts: Mapping[str, Outcome] = field(default_factory=dict)
    reason: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def decibels(self) -> float | None:
        """The SQNR of int8."""
        return self.artifacts.get(INT8, Outcome()).sqnr_db

    def works(self, artifact: str) -> bool:
        """Whether an artifact is what a build would let pass."""
        found = self.artifacts.get(artifact, Outcome())
        if artifact == INT8:
            return found.sqnr_db is not None and found.sqnr_db >= LEAST_INT8_DB
        if found.cosine is None or found.sqnr_db is None:
            return False
        if artifact == FP16:
            return found.cosine >= LEAST_FP16
        return found.cosine >= EXACT and found.sqnr_db >= EXACT_DB

    def why(self, artifact: str) -> str:
        """Why an artifact is not what it should be, in a sentence; empty if it is."""
        found = self.artifacts.get(artifact)
        return self.reason if found is None else found.reason
