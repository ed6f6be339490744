"""Latency, throughput, size and memory of an artifact."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.config.records.benchmark import Benchmark, Hardware, TimedLatency
from zoo.config.records.proof import RuntimeInfo
from zoo.config.records.steadiness import doubt
from zoo.images.inputs import Shape, random_inputs
from zoo.jobs.isolation import isolated
from zoo.jobs.surroundings import cpu_name
from zoo.measure.retakes import until_believed
from zoo.measure.throughput import GPU_STREAMS, TURNS, StreamSettings, throughput
from zoo.measure.timing import RUNS, time_beside
from zoo.runners.artifact import Artifact
from zoo.runners.hardware import cpu_count, peak_memory

MEMORY_MB = 4000

LONGEST_S = 30.0
"""Then a model has been timed enough: 50 runs of one that takes 0.3 s, with fp32 in turn."""


@dataclass(frozen=True)
class BenchSettings:
    """runs: of each model at each number of threads, but none is started after `LONGEST_S`. streams: how many
    `zoo.measure.throughput` keeps in flight, by default one a CPU, and on a GPU at most `GPU_STREAMS`;
    memory_mb: what all of them may take."""

    runs: int = RUNS
    streams: int | None = None
    memory_mb: float = MEMORY_MB

    def of_streams(self, info: RuntimeInfo) -> StreamSettings:
        """The settings of the streams on what a runtime ran on."""
        on_gpu = info.software_gpu is not None
        streams = self.streams or (min(cpu_count(), GPU_STREAMS) if on_gpu else cpu_count())
        # a software GPU has the same CPUs behind every stream: one turn is enough to say so
        return StreamSettings(streams, self.memory_mb, turns=1 if info.software_gpu else TURNS)


def benchmark(
    artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape], settings: BenchSettings
) -> Benchmark:
    """The figures of an artifact for inputs of these shapes, such as (C, H, W).

    Latencies are at one and at all threads, each beside fp32's; fp32 against itself tells the noise. One that
    cannot be believed is taken anew. An artifact that its runtime runs on the CPU, whatever device was asked
    for, is compared with fp32 on the CPU.
    """
    hashes = artifact.hashes()
    latencies, infos = zip(
        *(_timed(artifact, fp32, shapes, threads, settings.runs) for threads in sorted({1, cpu_count()})),
        strict=True,
    )
    info = infos[-1]
    sizes = {file.name: file.stat().st_size for file in artifact.files}
    return Benchmark(
        model=artifact.model,
        device=artifact.device,
        artifact=artifact.name,
        runtime=info,
        hardware=_hardware(info),
        bytes=sum(sizes.values()),
        files=sizes,
        peak_memory_bytes=isolated(str(artifact), _peak_memory, artifact, shapes),
        latency=latencies,
        throughput=throughput(artifact, fp32, shapes, settings.of_streams(info)),
        hashes=hashes,
        options=artifact.options,
    )


def _timed(
    artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape], threads: int, runs: int
) -> tuple[TimedLatency, RuntimeInfo]:
    """The latency, taken again while it cannot be believed; on a software GPU once, for its times say nothing
    about a GPU."""
    return until_believed(
        lambda: time_beside(artifact, fp32, shapes, threads, runs, LONGEST_S),
        lambda timed, info: bool(info.software_gpu) or not doubt(timed, artifact.runs_as(fp32)),
    )


def _hardware(info: RuntimeInfo) -> Hardware:
    on_gpu = info.software_gpu is not None
    gpu = info.device if on_gpu else None
    return Hardware(cpu_name(), cpu_count(), gpu, info.software_gpu, socket.gethostname())


def _peak_memory(artifact: Artifact, shapes: Sequence[Shape]) -> int:
    """Peak resident memory in bytes of this process once it has run the artifact."""
    runner = artifact.open(threads=1)
    for _ in range(2):
        runner.compute(random_inputs(shapes))
    return peak_memory()
