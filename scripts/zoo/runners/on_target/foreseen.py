"""How long a device will need for a job, said before it starts where an emulated processor is to do it."""

import logging
from dataclasses import dataclass

from zoo.runners.artifact import Artifact

LONG_S = 600
"""What takes longer is announced."""

MULTIPLY_ADDS_PER_S = 1e8
"""Of one process that emulates a processor: the slower side of what `benchmarks/emulated_rate.py` measured,
so that nothing which takes long starts unannounced."""


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

    def warn(self, seconds: float, reason: str) -> None:
        """Say it, if so many seconds are long. reason: how they are known."""
        if seconds > LONG_S:
            minutes = round(seconds / 60)
            logging.warning(
                "%s will take about %d minutes on %s, going by %s; %s",
                *(self.what, minutes, self.device, reason, self.remedy),
            )


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
    seconds = multiply_adds * runs / (MULTIPLY_ADDS_PER_S * processes)
    reason = f"{multiply_adds / 1e9:.2g} billion multiply-adds a run"
    (announcement or Announcement.of(artifact)).warn(seconds, reason)
