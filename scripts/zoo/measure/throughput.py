"""Frames per second of an artifact with several streams in flight, taken in turn with ncnn's fp32.

A stream is a process, because ncnn's Python module holds the interpreter's lock while it computes; it has one
thread and runs one image after the other. All streams start a turn at the same moment, and only whole runs
count: a stream's rate is its runs over the time that these took, from the common start.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from zoo.array_types import Arrays
from zoo.config.benchmark import ReferenceThroughput, Throughput
from zoo.errors import ArtifactError
from zoo.images.inputs import Shape, random_inputs
from zoo.jobs.isolation import end_with_parent
from zoo.measure.timing import GAP_S
from zoo.runners import Runner
from zoo.runners.artifact import Artifact
from zoo.runners.hardware import peak_memory

TURNS = 3
TURN_S = 0.5
LEAST_RUNS = 2
"""Of each stream in a turn, however long they take."""
GPU_STREAMS = 4
"""In flight on a GPU, where the configuration does not say: more processes only queue up."""


@dataclass(frozen=True)
class StreamSettings:
    """streams: how many are wanted; fewer are taken if they would not fit in `memory_bytes`. turns: how many,
    of `turn_s` seconds each."""

    streams: int
    memory_bytes: float
    turns: int = TURNS
    turn_s: float = TURN_S


class Stream(NamedTuple):
    """What a process holds: the artifact, fp32, and their inputs."""

    own: Runner
    reference: Runner
    inputs: Arrays


def throughput(
    artifact: Artifact,
    fp32: Artifact,
    shapes: Sequence[Shape],
    settings: StreamSettings,
) -> Throughput:
    """Frames per second for inputs of these shapes, such as (C, H, W): medians of all turns.

    `ratio` is the median of the artifact's rate over fp32's in the turn beside it: above 1 the artifact does
    more. fp32 runs where the artifact does, as in `zoo.measure.timing`. Raises ArtifactError when a process
    dies.
    """
    try:
        with ExitStack() as stack:

            def start() -> ProcessPoolExecutor:
                pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=end_with_parent)
                return stack.enter_context(pool)

            children = [start()]
            needed = children[0].submit(_open, artifact, fp32, shapes).result()
            count = max(1, min(settings.streams, int(settings.memory_bytes / needed)))
            children += [start() for _ in range(count - 1)]
            for ready in [child.submit(_open, artifact, fp32, shapes) for child in children[1:]]:
                ready.result()
            rates = np.array(
                [
                    [_rate(children, model, settings.turn_s) for model in ("own", "reference")]
                    for _ in range(settings.turns)
                ]
            )
    except BrokenProcessPool as error:
        raise ArtifactError(
            f"{artifact}: the runtime crashed or was killed (out of memory?) with {settings.streams} streams "
            "in flight"
        ) from error
    own, reference = np.median(rates, axis=0)
    return Throughput(
        count,
        settings.turns * settings.turn_s,
        float(own),
        ReferenceThroughput(fp32.name, float(reference)),
        float(np.median(rates[:, 0] / rates[:, 1])),
    )


def _rate(children: list[ProcessPoolExecutor], which: str, seconds: float) -> float:
    time.sleep(GAP_S)  # the threads of the runtime before spin for a while
    start = time.monotonic() + 0.02  # one clock for all processes; late enough for all to have heard
    return sum(done.result() for done in [child.submit(_turn, which, start, seconds) for child in children])


_stream: list[Stream] = []


def _open(artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape]) -> int:
    """Load both models in this process and run them once; its peak memory in bytes."""
    inputs = random_inputs(shapes)
    own = artifact.open(threads=1)
    reference = (replace(fp32, device="cpu") if own.info.software_gpu is None else fp32).open(threads=1)
    for runner in (own, reference):
        runner.step(inputs)
    _stream.append(Stream(own, reference, inputs))
    return peak_memory()


def _turn(which: str, start: float, seconds: float) -> float:
    """Runs a second of this stream."""
    stream = _stream[0]
    runner: Runner = getattr(stream, which)
    time.sleep(max(0.0, start - time.monotonic()))
    runs, elapsed = 0, 0.0
    while elapsed < seconds or runs < LEAST_RUNS:
        runner.step(stream.inputs)
        runs += 1
        elapsed = time.monotonic() - start
    return runs / elapsed
