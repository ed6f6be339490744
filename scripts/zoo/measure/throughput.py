"""Frames per second of an artifact with several streams in flight, taken in turn with ncnn's fp32.

A stream is a process, because ncnn's Python module holds the interpreter's lock while it computes; it has one
thread and runs one image after the other. All streams start a turn at the same moment, and only whole runs
count: a stream's rate is its runs over the time that these took, from the common start.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from zoo.array_types import Arrays
from zoo.config.records.benchmark import ReferenceThroughput, Throughput
from zoo.images.inputs import Shape, random_inputs
from zoo.jobs.isolation import Child
from zoo.jobs.usage import fitting
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
    """streams: how many are wanted; fewer are taken if they would not fit in `memory_mb`. turns: how many,
    of `turn_s` seconds each."""

    streams: int
    memory_mb: float
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
    more. fp32 runs where the artifact does, as in `zoo.measure.timing`. Raises ChildDied when a process
    dies.
    """
    what = f"{artifact}, with {settings.streams} streams in flight"
    with ExitStack() as stack:

        def start() -> Child:
            return stack.enter_context(Child.of(_open, artifact, fp32, shapes))

        children = [start()]
        needed_mb = children[0].call(what, _needed) / 2**20
        count = fitting(settings.streams, settings.memory_mb, needed_mb)
        children += [start() for _ in range(count - 1)]
        _all(children, what, _needed)
        rates = np.array(
            [
                [_rate(children, what, model, settings.turn_s) for model in ("own", "reference")]
                for _ in range(settings.turns)
            ]
        )
    own, reference = np.median(rates, axis=0)
    return Throughput(
        count,
        settings.turns * settings.turn_s,
        float(own),
        ReferenceThroughput(fp32.name, float(reference)),
        float(np.median(rates[:, 0] / rates[:, 1])),
    )


def _all(children: Sequence[Child], what: str, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """The results of a call that all children do side by side."""
    for child in children:
        child.send(what, function, *arguments)
    return [child.receive() for child in children]


def _rate(children: Sequence[Child], what: str, model: str, seconds: float) -> float:
    time.sleep(GAP_S)  # the threads of the runtime before spin for a while
    start = time.monotonic() + 0.02  # one clock for all processes; late enough for all to have heard
    return float(sum(_all(children, what, _turn, model, start, seconds)))


def _open(artifact: Artifact, fp32: Artifact, shapes: Sequence[Shape]) -> Stream:
    """Load both models in this process and run them once."""
    inputs = random_inputs(shapes)
    own = artifact.open(threads=1)
    reference = (replace(fp32, device="cpu") if own.info.software_gpu is None else fp32).open(threads=1)
    for runner in (own, reference):
        runner.compute(inputs)
    return Stream(own, reference, inputs)


def _needed(_: Stream) -> int:
    """The peak memory of this process so far, in bytes."""
    return peak_memory()


def _turn(stream: Stream, model: str, start: float, seconds: float) -> float:
    """Runs a second of one of the stream's two models."""
    runner: Runner = getattr(stream, model)
    time.sleep(max(0.0, start - time.monotonic()))
    runs, elapsed = 0, 0.0
    while elapsed < seconds or runs < LEAST_RUNS:
        runner.compute(stream.inputs)
        runs += 1
        elapsed = time.monotonic() - start
    return runs / elapsed
