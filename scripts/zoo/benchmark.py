"""Latency, size and memory of an artifact."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.hardware import cpu_count, cpu_name
from zoo.inference import Artifact
from zoo.inputs import Shape
from zoo.isolation import isolated
from zoo.timing import RUNS, noise, opened, time_beside


def benchmark(
    artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape], runs: int = RUNS
) -> dict[str, Any]:
    """The figures of an artifact for inputs of these shapes, such as (C, H, W), for JSON.

    Times are in milliseconds, at one and at all threads; each entry of `latency` has the artifact's and
    fp32's own figures and the median of the ratios of neighbouring runs. fp32 against itself tells the
    noise. An artifact that its runtime runs on the CPU, whatever device was asked for, is compared with fp32
    on the CPU. Sizes and memory (the peak of a process that loads the artifact and runs it) are in bytes.
    """
    threads = sorted({1, cpu_count()})
    latency, infos = zip(*(time_beside(artifact, fp32, shapes, each, runs) for each in threads), strict=True)
    info = infos[-1]
    on_gpu = info.software_gpu is not None
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
    }


def _peak_memory(artifact: Artifact, shapes: Sequence[Shape]) -> int:
    """Peak resident memory in bytes of this process once it has run the artifact."""
    runner = opened(artifact, threads=1)
    for _ in range(2):
        runner.step(noise(shapes))
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")
