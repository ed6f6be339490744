"""How long a device will need for a job, said before it starts where an emulated processor is to do it."""

import logging
from dataclasses import dataclass

from zoo.runners.artifact import Artifact

LONG_S = 600
"""What takes longer is announced."""

MULTIPLY_ADDS_PER_S = {"fp32": 4.5e7, "bf16": 4.5e7, "int8": 7e7}
"""Of one process that emulates a processor, by precision; the slowest that `benchmarks/emulated_rate.py`
measured, so that nothing which takes long starts unannounced."""
_IN_FLOAT16 = 2.5e7
"""Of all others, which may compute in float16."""


@dataclass(frozen=True)
class Announcement:
    """What is said of a job that will take long.

    what: is to be done. device: where. remedy: what would take less.
    """

    what: str
    device: str
    remedy: str

    @classmethod
    def of(cls, artifact: Artifact) -> "Announcement":
        """That the artifact is run on the images of its device."""
        fewer = f"fewer images (targets: {{{artifact.device}: {{samples: …}}}}) or a smaller model take less"
        return cls(str(artifact), artifact.device, fewer)

    def warn(self, seconds: float, reason: str, how: str = "about") -> None:
        """Say it, if so many seconds are long. reason: how they are known; how: how well."""
        if seconds > LONG_S:
            minutes = round(seconds / 60)
            logging.warning(
                "%s will take %s %d minutes on %s, going by %s; %s",
                *(self.what, how, minutes, self.device, reason, self.remedy),
            )


def multiply_adds_per_s(precision: str) -> float:
    """What one process that emulates a processor does at least."""
    return MULTIPLY_ADDS_PER_S.get(precision, _IN_FLOAT16)


def announce(
    artifact: Artifact,
    multiply_adds: int | None,
    runs: float,
    processes: int,
    announcement: Announcement | None = None,
) -> None:
    """Say it, before the first run, if an emulated processor will take long.

    multiply_adds: of one run of the model, None where nobody counted. runs: how often it will run in all, by
    so many processes side by side.
    """
    if multiply_adds is None or artifact.target is None or artifact.target.is_timed:
        return
    seconds = multiply_adds * runs / (multiply_adds_per_s(artifact.precision) * processes)
    reason = f"{multiply_adds / 1e9:.2g} billion multiply-adds a run"
    (announcement or Announcement.of(artifact)).warn(seconds, reason, "up to")
