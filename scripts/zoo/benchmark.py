"""Latency, size and memory of an artifact."""

from pathlib import Path
from typing import Any

from zoo.hardware import cpu_count, cpu_name
from zoo.inference import Artifact
from zoo.isolation import isolated
from zoo.timing import RUNS, noise, opened, time_beside

LONGEST_S = 30.0
"""Then a model has been timed enough: 50 runs of one that takes 0.3 s, with fp32 in turn."""


def benchmark(
    artifact: Artifact, fp32: Artifact, shape: tuple[int, int, int], runs: int = RUNS
) -> dict[str, Any]:
    """The figures of an artifact for inputs of `shape` (C, H, W), for JSON.

    Times are in milliseconds, at one and at all threads; each entry of `latency` has the artifact's and
    fp32's own figures and the median of the ratios of neighbouring runs. fp32 against itself tells the
    noise. An artifact that its runtime runs on the CPU, whatever device was asked for, is compared with fp32
    on the CPU. Sizes and memory (the peak of a process that loads the artifact and runs it) are in bytes.
    """
    threads = sorted({1, cpu_count()})
    latency, infos = zip(
        *(time_beside(artifact, fp32, shape, each, runs, LONGEST_S) for each in threads), strict=True
    )
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
        "peak_memory_bytes": isolated(str(artifact), _peak_memory, artifact, shape),
        "latency": list(latency),
    }


def _peak_memory(artifact: Artifact, shape: tuple[int, int, int]) -> int:
    """Peak resident memory in bytes of this process once it has run the artifact."""
    runner = opened(artifact, threads=1)
    for _ in range(2):
        runner.step(noise(shape))
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")
