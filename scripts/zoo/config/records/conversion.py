"""fp32.conversion.json: by which way a model came to ncnn, and why not by those that were tried before."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.config.records.record import Record


@dataclass(frozen=True)
class Failure:
    """A way that was tried before and did not give the model's answers. reason: in a sentence."""

    way: str
    reason: str


@dataclass(frozen=True)
class Conversion(Record):
    """How a model came to ncnn on a device.

    way: the one whose pair answers as the model does. failed: those before it. cosine: the smallest of any
    output and input that was compared. inputs: on how many.
    """

    KIND: ClassVar[str] = "record of a conversion"

    model: str
    device: str
    way: str
    cosine: float
    inputs: int
    failed: tuple[Failure, ...] = ()
