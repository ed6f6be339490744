"""A build as it is watched: the lines that stay, and the one that changes."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import Any

from zoo.config.outputs.paths import RESULTS
from zoo.config.records.kept_trials import CLOSENESS, LATENCY
from zoo.errors import ZooError
from zoo.jobs.kept import kept_so_far
from zoo.jobs.records import read_json
from zoo.terminal.estimates import Estimates
from zoo.terminal.failures import Failure
from zoo.terminal.stages import Job, Line, Stages
from zoo.terminal.words import about, duration, some


class Watched:
    """What is known of a build while it runs. All lines are plain text; time is taken from `clock`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.begun = clock()
        self.stages = Stages()
        self._failed: dict[int, Failure] = {}
        self.interrupted = False
        self._cores = 1
        self._waiting: dict[Any, Job] = {}
        self._since: dict[int, float] = {}
        self._begun: set[int] = set()
        self._estimates: Estimates | None = None
        self._total = 0

    @property
    def failures(self) -> list[Failure]:
        """The jobs that failed, and were not tried again."""
        return list(self._failed.values())

    def plan(self, jobs: Iterable[Job], cores: int, folder: Path = Path(RESULTS)) -> list[str]:
        """These jobs are to run: what is said of them before the first."""
        self._waiting, self._cores = {job.key: job for job in jobs}, cores
        self._total = len(self._waiting)
        for job in self._waiting.values():
            self.stages.plan(job)
        self._estimates = Estimates.read(folder)
        left = self._estimates.left(self._waiting.values(), cores)
        models = {job.wildcards["model"] for job in self._waiting.values() if "model" in job.wildcards}
        return [
            f"{some(len(self._waiting), 'job')} for {some(len(models), 'model')}"
            + (f", {about(left)} by earlier builds" if left else "")
        ]

    def count(self, done: int, total: int) -> None:
        """So many jobs there are."""
        self._total = max(total, done)

    def begin(self, number: int, job: Job) -> None:
        """A job begins."""
        again = self._failed.pop(number, None) is not None
        self.stages.begin(number, job, self._clock(), again)
        self._since[number] = self._clock()
        self._begun.add(number)
        self._waiting.pop(job.key, None)

    def counted(self) -> str:
        """`12 of 96`: how many jobs have begun, of all that are known; `12` where none are. One that begins
        again is counted once, so it never goes back."""
        begun = len(self._begun)
        return f"{begun} of {max(self._total, begun)}" if self._total else str(begun)

    def leave(self, number: int) -> None:
        """A job did not run after all, for one that travelled with it failed."""
        if job := self.stages.leave(number):
            self._waiting[job.key] = job

    def end(self, number: int) -> list[str]:
        """A job has ended: the line of its stage, once that is complete."""
        return _told(self.stages.end(number, self._clock()))

    def fail(self, number: int, what: str, log: str | None) -> list[str]:
        """A job has failed."""
        told = self.stages.end(number, self._clock(), failed=True)
        if told:
            self._failed[number] = Failure(what, log)
        return _told(told)

    def live(self, width: int) -> str:
        """The line that changes: what runs, and about how long the rest takes."""
        running = Counter((job.place, job.stage) for job in self.stages.running.values())
        parts = [self._running(place, stage) for place, stage in running]
        left = self._left()
        tail = " · ".join(
            part
            for part in (
                f"{some(self._remaining(), 'job')} to go" if self._remaining() else "",
                f"{about(left)} left" if left else duration(self._clock() - self.begun),
            )
            if part
        )
        text = "  ".join(parts)
        room = width - len(tail) - 4
        return f"{text if len(text) <= room else text[: max(room - 1, 0)] + '…'} · {tail}" if text else ""

    def _running(self, place: str, stage: str) -> str:
        line = self.stages.lines[place, stage]
        jobs = [job for job in self.stages.running.values() if (job.place, job.stage) == (place, stage)]
        if jobs[0].rule.startswith("trials"):
            return f"{place} {_tried(place)}"
        several = f" {line.begun} of {line.planned}" if line.planned > 1 else ""
        item = f" {jobs[0].item}" if jobs[0].item else ""
        return f"{place or 'zoo'} {stage}{item}{several}"

    def _remaining(self) -> int:
        return max(self._total - len(self.stages.ended) - len(self.failures), len(self.stages.running))

    def _left(self) -> float | None:
        if self._estimates is None:
            return None
        rest = [*self._waiting.values(), *self.stages.running.values()]
        left = self._estimates.left(rest, self._cores)
        if left is None:
            return None
        now = self._clock()
        passed = sum(now - self._since[number] for number in self.stages.running) / max(self._cores, 1)
        return max(left - passed, 5.0)

    def close(self, folder: Path = Path(RESULTS)) -> list[str]:
        """The lines after the last job; none if nothing ran."""
        took = duration(self._clock() - self.begun)
        if self.interrupted:
            return [f"Interrupted after {took}: nothing is half written; the same command goes on from here."]
        if not self.stages.ended and not self.failures:
            return []
        from zoo.terminal.closing import closing  # which reads all records: not when a build starts

        places = [job.place for job in self.stages.ended]
        return [
            "",
            f"{'Failed' if self.failures else 'Built'} in {took}",
            *closing(places, self.failures, folder),
        ]


def _told(ended: tuple[Job, Line] | None) -> list[str]:
    """The line of a stage that is complete, once."""
    if ended is None or not ended[1].complete or ended[1].shown:
        return []
    line = ended[1]
    line.shown = not line.failed
    mark, count = "✗" if line.failed else "✓", line.ended + line.failed
    jobs = "" if count == 1 else f", {count} jobs"
    return [f"{mark} {line.place or 'zoo':24} {line.stage:10} {duration(line.seconds)}{jobs}"]


def _tried(place: str) -> str:
    """`candidate 7 of 16`: which recipe for int8 is judged there; `latency 7 of 16`: which is timed."""
    kept = kept_so_far(Path(RESULTS) / place / "search/trials.json")
    total = len(_candidates(place) or _candidates(f"cpu/{Path(place).name}"))  # a target takes the CPU's
    for what, kind in (("candidate", CLOSENESS), ("latency", LATENCY)):
        ended = sum(name.endswith(f": {kind}") for name in kept)
        if ended < total:
            return f"{what} {ended + 1} of {total}"
    return "candidates"


def _candidates(place: str) -> list[str]:
    """The names of the recipes that are tried for int8 there; none where that is not known."""
    try:
        return list(read_json(Path(RESULTS) / place / "search/candidates.json"))
    except ZooError:  # not yet written, or of a target
        return []
