"""<artifact>.bench.json: how fast an artifact is beside ncnn's fp32, how large, and on what hardware."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from zoo.config.records.proof import Measured, RuntimeInfo
from zoo.config.records.record import Record
from zoo.errors import ZooError
from zoo.ncnn.options import Options


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds of one run: median, 10th and 90th percentile."""

    median_ms: float
    p10_ms: float
    p90_ms: float


@dataclass(frozen=True, kw_only=True)
class ReferenceLatency(Latency):
    """That of the artifact timed in turn, on the hardware of that name."""

    artifact: str
    device: str


@dataclass(frozen=True, kw_only=True)
class TimedLatency(Latency, Record):
    """An artifact's latency and a reference's, timed in turn: part of a benchmark, and a candidate's record.

    threads: of the CPU; runs: of each. ratio: the median of the ratios of neighbouring runs, above 1 if the
    artifact is slower; ratio_error: its standard error.
    """

    KIND: ClassVar[str] = "latency"

    threads: int
    runs: int
    reference: ReferenceLatency
    ratio: float
    ratio_error: float


@dataclass(frozen=True)
class ReferenceThroughput:
    """Frames per second of the artifact that took turns."""

    artifact: str
    fps: float


@dataclass(frozen=True)
class Throughput:
    """Frames per second with several streams in flight. seconds: of all turns; ratio: over the reference."""

    streams: int
    seconds: float
    fps: float
    reference: ReferenceThroughput
    ratio: float


@dataclass(frozen=True)
class Hardware:
    """What an artifact ran on. cores: CPUs that the process might use; gpu: its name, if it ran there; host:
    what the machine is called, None in a record of before."""

    cpu: str
    cores: int
    gpu: str | None
    software_gpu: bool | None
    host: str | None = None


@dataclass(frozen=True)
class MachineState:
    """What a machine is like at a moment, each None where it does not tell.

    governor: of frequency. mhz, max_mhz: of the slowest of the cores that are used, and the most that it has.
    temperature_c, room_c: of its hottest part, and how many less that is than where it slows down. capped:
    whether it says that it slows down, as for heat. low_voltage: whether it says that its power supply gives
    too little, for which it slows down too.
    """

    governor: str | None = None
    mhz: float | None = None
    max_mhz: float | None = None
    temperature_c: float | None = None
    room_c: float | None = None
    capped: bool = False
    low_voltage: bool = False


@dataclass(frozen=True)
class Conditions:
    """What a board was like while an artifact was timed there, None where it does not tell.

    lowest_mhz, hottest_c: of any round that counts. waited_s: that it was let cool. throttled: whether it was
    slowed down nevertheless, for heat or for too little voltage.
    """

    governor: str | None
    lowest_mhz: float | None
    max_mhz: float | None
    hottest_c: float | None
    waited_s: float
    throttled: bool


@dataclass(frozen=True, kw_only=True)
class Benchmark(Measured):
    """Latency (at one thread and at all), throughput, size and memory of an artifact.

    bytes: of all `files`, which have theirs by name; peak_memory_bytes: resident, of a process that loads the
    artifact and runs it. On a target: conditions; and no throughput, for one agent works there at a time.
    options: what was set of ncnn's over its precision's; the threads are those of each latency.
    """

    KIND: ClassVar[str] = "benchmark"

    runtime: RuntimeInfo
    hardware: Hardware
    bytes: int
    files: Mapping[str, int]
    peak_memory_bytes: int
    latency: tuple[TimedLatency, ...]
    throughput: Throughput | None = None
    conditions: Conditions | None = None
    options: Options = field(default_factory=Options)

    def at(self, threads: int) -> TimedLatency | None:
        """The latency at so many threads, if it was measured."""
        return next((entry for entry in self.latency if entry.threads == threads), None)


def refuse_mixed(timed: Mapping[str, str]) -> None:
    """Raises ZooError if what is to be compared was timed on hardware of several kinds.

    timed: the name of the hardware by what was timed on it.
    """
    kinds = list(dict.fromkeys(timed.values()))
    if len(kinds) > 1:
        of_kind = [", ".join(each for each in timed if timed[each] == kind) for kind in kinds]
        on = "; ".join(f"{names} on {kind}" for names, kind in zip(of_kind, kinds, strict=True))
        raise ZooError(
            f"timed on different hardware, so that times cannot be compared: {on}. Delete these records, and "
            "time all on machines of one kind; on a cluster, name the kind in the profile (constraint)"
        )
