"""Time of one run of an artifact, timed in turn with ncnn's fp32 of the same model.

A machine's speed drifts, so a figure means little by itself: the two models run one after the other,
again and again, and the ratio is taken run by run. What one thread computes on the CPU is timed by that
thread's CPU time, which other programs do not add to by taking the core; all else by the clock on the wall.
(The time of the process goes in steps of milliseconds while an interval timer limits it, see
`zoo.jobs.isolation`.)
"""

import importlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.config.records.benchmark import Latency, ReferenceLatency, TimedLatency
from zoo.config.records.proof import RuntimeInfo
from zoo.images.inputs import Shape, random_inputs
from zoo.jobs.isolation import isolated
from zoo.ncnn.options import Options
from zoo.runners.artifact import Artifact

RUNS = 50
FEWEST = 5
WARM_UP, WARM_UP_S = 5, 2.0
"""Runs that do not count: so many, or as many as there are in this time; a long run is warm after one."""

SOFTWARE_GPU_S = 5.0
"""The longest that a software GPU is timed: its times say nothing about a GPU."""

GAP_S = 0.05
"""Pause between two runtimes: the threads of the one spin for a while after its run."""


def ncnn_fp32(artifact: Artifact, files: Iterable[str | Path]) -> Artifact:
    """ncnn's fp32 of the same model for the same device, which an artifact is timed beside."""
    pair = tuple(map(Path, files))
    return replace(artifact, name="fp32", runtime="ncnn", precision="fp32", files=pair, options=Options())


def percentiles(seconds: NDArray[np.float64]) -> Latency:
    """The latency of runs that took so many seconds."""
    p10, median, p90 = np.percentile(seconds * 1e3, [10, 50, 90])
    return Latency(median_ms=float(median), p10_ms=float(p10), p90_ms=float(p90))


def time_beside(
    artifact: Artifact,
    fp32: Artifact,
    shapes: Sequence[Shape],
    threads: int,
    runs: int = RUNS,
    longest_s: float = math.inf,
    fp32_threads: int | None = None,
) -> tuple[TimedLatency, RuntimeInfo]:
    """Latencies of the artifact and of fp32, for inputs of these shapes, such as (C, H, W), and what ran it.

    fp32 may be any other to compare with; fp32_threads: what it gets, if that is not as many.

    `ratio_error` is the standard error of `ratio`, the median of neighbouring runs' ratios; the spread of
    these is taken from the range that two thirds of them lie in.
    After `longest_s` seconds (`SOFTWARE_GPU_S` at most on a software GPU) no run is started any more, once
    there are `FEWEST`.
    """
    own, reference, info, beside = isolated(
        str(artifact), _times, artifact, fp32, shapes, (threads, fp32_threads or threads), runs, longest_s
    )
    low, ratio, high = np.percentile(own / reference, [16, 50, 84])
    latency = TimedLatency(
        **vars(percentiles(own)),
        threads=threads,
        runs=len(own),
        reference=ReferenceLatency(**vars(percentiles(reference)), artifact=fp32.name, device=beside.device),
        ratio=float(ratio),
        ratio_error=float(1.25 * (high - low) / 2 / math.sqrt(len(own))),
    )
    return latency, info


def latency(
    artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape], longest_s: float = math.inf
) -> TimedLatency:
    """The latency of an artifact at one thread beside fp32's, where it is to run.

    longest_s: as for `time_beside`; on a target all runs are made. Raises ZooError if that cannot be reached.
    """
    if artifact.target is None:
        return time_beside(artifact, fp32, shapes, threads=1, longest_s=longest_s)[0]
    # By name: how boards are timed is nothing that times of this machine depend on.
    board = importlib.import_module("zoo.measure.board.benchmark")
    found: TimedLatency = board.latency_on_target(artifact, fp32, shapes)
    return found


def _times(
    artifact: Artifact,
    fp32: Artifact,
    shapes: Sequence[Shape],
    threads: tuple[int, int],
    runs: int,
    longest_s: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], RuntimeInfo, RuntimeInfo]:
    """Seconds of each run of the artifact and of fp32, taken in turn, and what ran them."""
    inputs = random_inputs(shapes)
    own = artifact.open(threads[0])
    on_cpu = own.info.software_gpu is None
    reference = (replace(fp32, device="cpu") if on_cpu else fp32).open(threads[1])
    gap = GAP_S if artifact.runtime != fp32.runtime else 0.0
    clock = time.thread_time if on_cpu and threads == (1, 1) else time.perf_counter

    def turn() -> list[float]:
        seconds = []
        for runner in (own, reference):
            time.sleep(gap)
            start = clock()
            runner.compute(inputs)
            seconds.append(clock() - start)
        return seconds

    if own.info.software_gpu:
        longest_s = min(longest_s, SOFTWARE_GPU_S)
    _repeat(turn, WARM_UP, 1, WARM_UP_S)
    seconds = np.array(_repeat(turn, runs, FEWEST, longest_s))
    return seconds[:, 0], seconds[:, 1], own.info, reference.info


def _repeat(turn: Callable[[], list[float]], most: int, fewest: int, longest_s: float) -> list[list[float]]:
    """What `turn` returned so many times, or once `longest_s` have passed fewer, but for the `fewest`."""
    found: list[list[float]] = []
    begun = time.perf_counter()
    while len(found) < most and (len(found) < fewest or time.perf_counter() - begun < longest_s):
        found.append(turn())
    return found
