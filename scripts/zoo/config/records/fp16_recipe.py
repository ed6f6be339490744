"""fp16.recipe.json: which layers of a model do not compute in float16 on a device, and why."""

from dataclasses import dataclass
from typing import ClassVar

from zoo.config.records.proof import RuntimeInfo
from zoo.config.records.record import Record

OVERFLOW, READS, LOSS = "overflow", "reads overflow", "loss"
"""Why a layer is masked: its numbers do not fit into float16; it reads such numbers; it loses the answer."""

_STORAGE = 2


@dataclass(frozen=True)
class MaskedLayer:
    """A layer that does not compute in float16.

    mask: ncnn's, of its parameter 31, see `zoo.ncnn.masks`. reason: OVERFLOW, READS or LOSS. share: of the
    model's multiply-adds. gain_db: what its mask alone gains, beside the others of the recipe; None where
    without it nothing is left to measure. peak: the largest output that was seen in fp32, of one that
    overflows by that.
    """

    layer: str
    type: str
    mask: int
    reason: str
    share: float
    gain_db: float | None = None
    peak: float | None = None


@dataclass(frozen=True)
class Fp16Recipe(Record):
    """The masks of a model's fp16 file on a device, and what they do there.

    runtime: what it was measured on. images: the calibration images that the figures below are of; probes:
    those that the layers were measured on one by one. before_db, after_db, all_db: SQNR of the worst output
    to fp32 on this machine, with no masks, with these, and with all layers computing in float32; None if
    outputs were not finite. share: of the multiply-adds, 0 to 1, that are masked. min_sqnr_db: as asked for.
    """

    KIND: ClassVar[str] = "fp16 recipe"

    model: str
    device: str
    runtime: RuntimeInfo
    images: int
    probes: int
    before_db: float | None
    after_db: float | None
    all_db: float | None
    share: float
    min_sqnr_db: float | None
    layers: tuple[MaskedLayer, ...]

    @property
    def storage(self) -> tuple[str, ...]:
        """The layers whose output does not fit into float16."""
        return tuple(each.layer for each in self.layers if each.reason == OVERFLOW and each.mask & _STORAGE)

    @property
    def arithmetic(self) -> tuple[str, ...]:
        """The layers that compute in float32 and store float16."""
        return tuple(each.layer for each in self.layers if not each.mask & _STORAGE)

    def sentence(self) -> str:
        """What is masked and what that does, for people."""
        if not self.layers:
            return f"no layer is masked on {self.device}: fp16 answers there at {_db(self.before_db)}"
        overflowing, count = sum(each.reason == OVERFLOW for each in self.layers), len(self.layers)
        why = f", {overflowing} of them because they overflow" if overflowing else ""
        layers, do = ("layer", "does") if count == 1 else ("layers", "do")
        return (
            f"{count} {layers}{why}, {self.share:.0%} of the multiply-adds, {do} not compute in float16 on "
            f"{self.device}: {_db(self.after_db)} to fp32 in place of {_db(self.before_db)}"
        )


def _db(value: float | None) -> str:
    return "no finite numbers" if value is None else f"{value:.1f} dB"
