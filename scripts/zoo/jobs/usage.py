"""What a job takes of the machine: time, and the peaks of its memory and of its temporary files."""

import math
import os
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from zoo.jobs import scratch

_INTERVAL_S = 0.5
_MB = 1 << 20  # as Snakemake counts them

MACHINE_MB = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MB
"""The memory that this machine has."""

UNKNOWN_MB = 200
"""What the largest file of a job counts as while it is still to be made: only plans are drawn up by it."""


def request(
    base: float,
    factor: float,
    files: Sequence[str | Path],
    attempt: int = 1,
    elsewhere: Mapping[str, int] | None = None,
) -> int:
    """MB to ask for a job: `base` and so many times the largest of the files that it reads, in full hundreds;
    twice as much at each attempt after the first.

    That file holds a model's weights, which is what the memory and the disk that stages need go by. How much
    they took is in docs/size.md. elsewhere: bytes, by the path here, of files that are to be fetched first.
    """
    largest = max((_size_mb(file, elsewhere or {}) for file in files), default=0.0)
    return 100 * math.ceil((base + factor * largest) / 100) << (attempt - 1)


def _size_mb(path: str | Path, elsewhere: Mapping[str, int]) -> float:
    try:
        return os.stat(path).st_size / _MB  # noqa: PTH116  # half of the time
    except OSError:
        return elsewhere.get(str(path), UNKNOWN_MB * _MB) / _MB


def fitting(wanted: int, memory_mb: float, each_mb: float, own_mb: float = 0.0) -> int:
    """How many child processes fit into a job's memory: as many as wanted, or fewer, but at least one.

    memory_mb: what the job was granted. each_mb: what one of them takes; own_mb: what the job takes beside.
    """
    room = (memory_mb - own_mb) / each_mb
    return max(1, int(min(wanted, room + 1e-6)))  # a request that was made for n holds n


def megabytes(files: Iterable[Path]) -> float:
    """The size of files together; one that is missing has none."""
    return sum(file.stat().st_size for file in files if file.is_file()) / _MB


@dataclass(frozen=True)
class Usage:
    """seconds: by the clock; cpu_seconds: of all processes of the job together.

    memory_mb: the peak of the resident memory of all these processes. disk_mb: the peak of the temporary
    files, among them every output until it is whole and moved into its place.
    """

    seconds: float
    cpu_seconds: float
    memory_mb: int
    disk_mb: int


class Watch:
    """Watches this process and its children from now on until it is asked."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._done = Event()
        self._memory = 0
        self._thread = Thread(target=self._sample, name="usage", daemon=True)
        self._thread.start()

    def stop(self) -> Usage:
        """What was used. The peak of each single process is the kernel's; of several together, sampled."""
        self._done.set()
        self._thread.join()
        scratch.measure()
        kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
        single = max(resource.getrusage(kind).ru_maxrss for kind in kinds) * 1024
        return Usage(
            round(time.monotonic() - self._start, 2),
            round(sum(os.times()[:4]), 2),
            round(max(self._memory, single) / _MB),
            round(scratch.most_bytes() / _MB),
        )

    def _sample(self) -> None:
        while not self._done.wait(_INTERVAL_S):
            self._memory = max(self._memory, _resident_bytes())
            scratch.measure()


def _resident_bytes() -> int:
    """The resident memory of this process and all below it."""
    import psutil  # 20 ms that most jobs are too short for

    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
