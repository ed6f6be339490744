"""Latency, throughput, size and memory of an artifact."""

from collections.abc import Sequence
from typing import Any

from zoo.images.inputs import Shape, random_inputs
from zoo.jobs.isolation import isolated
from zoo.measure.throughput import GPU_STREAMS, ONE_TURN, TURNS, throughput
from zoo.measure.timing import RUNS, time_beside
from zoo.runners.artifact import Artifact
from zoo.runners.hardware import cpu_count, cpu_name, peak_memory

MEMORY_MB = 4000

LONGEST_S = 30.0
"""Then a model has been timed enough: 50 runs of one that takes 0.3 s, with fp32 in turn."""


def benchmark(
    artifact: Artifact,
    fp32: Artifact,
    shapes: Sequence[Shape],
    runs: int = RUNS,
    streams: int | None = None,
    memory_mb: float = MEMORY_MB,
) -> dict[str, Any]:
    """The figures of an artifact for inputs of these shapes, such as (C, H, W), for JSON.

    Times are in milliseconds, at one and at all threads; each entry of `latency` has the artifact's and
    fp32's own figures and the median of the ratios of neighbouring runs. fp32 against itself tells the
    noise. An artifact that its runtime runs on the CPU, whatever device was asked for, is compared with fp32
    on the CPU. Sizes and memory (the peak of a process that loads the artifact and runs it) are in bytes.
    streams: how many `zoo.measure.throughput` keeps in flight, by default one a CPU, and on a GPU at most
    `GPU_STREAMS`; memory_mb: what all of them may take.
    """
    threads = sorted({1, cpu_count()})
    latency, infos = zip(
        *(time_beside(artifact, fp32, shapes, each, runs, LONGEST_S) for each in threads), strict=True
    )
    info = infos[-1]
    on_gpu = info.software_gpu is not None
    wanted = streams or (min(cpu_count(), GPU_STREAMS) if on_gpu else cpu_count())
    # a software GPU has the same CPUs behind every stream: one turn is enough to say so
    turns = ONE_TURN if info.software_gpu else TURNS
    return artifact.heading() | {
        "runtime": info.to_dict(),
        "hardware": {
            "cpu": cpu_name(),
            "cores": cpu_count(),
            "gpu": info.device if on_gpu else None,
            "software_gpu": info.software_gpu,
        },
        "bytes": sum(file.stat().st_size for file in artifact.files),
        "files": {file.name: file.stat().st_size for file in artifact.files},
        "peak_memory_bytes": isolated(str(artifact), _peak_memory, artifact, shapes),
        "latency": list(latency),
        "throughput": throughput(artifact, fp32, shapes, wanted, memory_mb, turns),
    }


def _peak_memory(artifact: Artifact, shapes: Sequence[Shape]) -> int:
    """Peak resident memory in bytes of this process once it has run the artifact."""
    runner = artifact.open(threads=1)
    for _ in range(2):
        runner.compute(random_inputs(shapes))
    return peak_memory()
