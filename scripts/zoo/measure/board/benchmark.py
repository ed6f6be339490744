"""Latency, size and memory of an artifact on a target."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.benchmark import Benchmark, Conditions, Hardware, ReferenceLatency, TimedLatency
from zoo.config.records.steadiness import doubt
from zoo.images.inputs import Shape, random_inputs
from zoo.measure.board.watch import watched
from zoo.measure.retakes import until_believed
from zoo.measure.timing import RUNS, WARM_UP, percentiles
from zoo.runners.artifact import Artifact
from zoo.runners.on_target.pair import TargetPair


def benchmark_on_target(
    artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape], runs: int = RUNS
) -> Benchmark:
    """The figures of an artifact for inputs of these shapes, such as (C, H, W), at one thread and at those of
    its target, each beside fp32's; one that cannot be believed is taken anew.

    All of it is measured at one agent, which has the target for itself. Raises ZooError if the target cannot
    be reached, or is lost: nothing is known then.
    """
    hashes, inputs, itself = artifact.hashes(), random_inputs(shapes), artifact.runs_as(fp32)
    sizes = {file.name: file.stat().st_size for file in artifact.files}
    with TargetPair.on_target(artifact, fp32) as pair:
        memory = pair.peak_memory(inputs)
        timed = [
            until_believed(
                partial(_timed, pair, inputs, threads, runs), lambda latency, _: not doubt(latency, itself)
            )
            for threads in sorted({1, pair.threads})
        ]
    return Benchmark(
        model=artifact.model,
        device=artifact.device,
        artifact=artifact.name,
        runtime=pair.info,
        hardware=Hardware(pair.info.device, pair.cores, None, None, artifact.device),
        bytes=sum(sizes.values()),
        files=sizes,
        peak_memory_bytes=memory,
        latency=tuple(latency for latency, _ in timed),
        conditions=_all_of([conditions for _, conditions in timed]),
        hashes=hashes,
        options=artifact.options,
    )


def time_beside_on_target(
    artifact: Artifact,
    other: Artifact,
    shapes: Sequence[Shape],
    threads: tuple[int, int],
    runs: int = RUNS,
) -> TimedLatency:
    """As `zoo.measure.timing.time_beside`, on a target. threads: of each of the two. Raises as
    `benchmark_on_target` does."""
    with TargetPair.on_target(artifact, other) as pair:
        seconds, _ = watched(pair.opened(*threads), random_inputs(shapes), WARM_UP, runs)
        return _latency(seconds, threads[0], pair.info.device, other.name)


def most_threads_there(artifact: Artifact) -> int:
    """The threads that an artifact may have at most on its target."""
    with TargetPair.on_target(artifact, artifact) as pair:
        return pair.threads


def latency_on_target(
    artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape], runs: int = RUNS
) -> TimedLatency:
    """The latency of an artifact at one thread, beside fp32's. Raises as `benchmark_on_target` does."""
    with TargetPair.on_target(artifact, fp32) as pair:
        return _timed(pair, random_inputs(shapes), 1, runs)[0]


def _timed(pair: TargetPair, inputs: Arrays, threads: int, runs: int) -> tuple[TimedLatency, Conditions]:
    seconds, conditions = watched(pair.opened(threads), inputs, WARM_UP, runs)
    return _latency(seconds, threads, pair.info.device), conditions


def _latency(seconds: NDArray[np.float64], threads: int, device: str, other: str = "fp32") -> TimedLatency:
    own, reference = seconds.T
    low, ratio, high = np.percentile(own / reference, [16, 50, 84])
    return TimedLatency(
        **vars(percentiles(own)),
        threads=threads,
        runs=len(own),
        reference=ReferenceLatency(**vars(percentiles(reference)), artifact=other, device=device),
        ratio=float(ratio),
        ratio_error=float(1.25 * (high - low) / 2 / math.sqrt(len(own))),
    )


def _all_of(each: Sequence[Conditions]) -> Conditions:
    last = each[-1]
    return Conditions(
        last.governor,
        min((one.lowest_mhz for one in each if one.lowest_mhz is not None), default=None),
        last.max_mhz,
        max((one.hottest_c for one in each if one.hottest_c is not None), default=None),
        sum(one.waited_s for one in each),
        any(one.throttled for one in each),
    )
