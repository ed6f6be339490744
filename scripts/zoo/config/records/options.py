"""<artifact>.options.json: what is set of ncnn's options for an artifact on a device, and what was tried."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from zoo.config.records.proof import Measured, RuntimeInfo
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.ncnn.options import Options


@dataclass(frozen=True, kw_only=True)
class OptionTrial:
    """A choice as it was tried beside what had been chosen by then, in turn with it.

    round: from 1, each with what the one before took. switches, threads: what the choice sets. ratio: the
    time with it over that without, None if it could not be run; ratio_error: its standard error. sqnr_db: of
    its answers to those without any choice, in dB, of the worst output. failures: why it cannot be taken.
    """

    round: int
    name: str
    switches: Mapping[str, bool]
    threads: int | None = None
    ratio: float | None
    ratio_error: float
    sqnr_db: float | None
    failures: tuple[str, ...] = ()
    taken: bool = False


@dataclass(frozen=True, kw_only=True)
class RuntimeOptions(Measured):
    """What is set for an artifact.

    options: all of it. by_hand: of these, what config.yaml says, by name. reason: in a sentence. ratio: the
    time with what was chosen over that without, timed once more, None if nothing was. images: held-out ones
    of calibration that answers were judged on. runtime: what was timed, None if nothing was.
    """

    KIND: ClassVar[str] = "record of runtime options"

    options: Options
    by_hand: tuple[str, ...]
    reason: str
    ratio: float | None = None
    ratio_error: float = 0.0
    images: int = 0
    runtime: RuntimeInfo | None = None
    tried: tuple[OptionTrial, ...] = ()

    def check_files(self, files: Iterable[Path], digest: Callable[[Path], str] = sha256) -> None:
        """Raises ZooError, naming it, for a file of other bytes than those that this was found for.

        digest: what gives the SHA-256 of a file.
        """
        for file in files:
            is_now, was = digest(file), self.hashes.get(file.name, "of no such file")
            if is_now != was:
                record = file.parent / f"{self.artifact}.options.json"
                raise ZooError(
                    f"{file} is not the file that its runtime options were found for: its SHA-256 is "
                    f"{is_now[:12]}…, that in {record.name} {was[:15]}…; make them anew: rm {record} && "
                    f"snakemake {record}"
                )
