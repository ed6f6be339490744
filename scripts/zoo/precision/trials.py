"""A model's fp16 file with other and other masks, run on a device in child processes."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.array_types import Arrays, Doubles
from zoo.images.decode import read_inputs
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated_each
from zoo.jobs.progress import progress
from zoo.jobs.usage import fitting, megabytes
from zoo.ncnn.graph import Graph, read_graph, write_param
from zoo.ncnn.masks import masked
from zoo.precision.effects import Effect, effect
from zoo.precision.noise import Effects, noise
from zoo.runners import LayerRunner
from zoo.runners.artifact import Artifact
from zoo.runners.inference import MEMORY_MB, OWN_MB, PROCESS_FACTOR, PROCESS_MB, run, stacked
from zoo.runners.ncnn_runner import load
from zoo.runners.on_target.foreseen import Announcement

FIRST, OTHERS = slice(1), slice(1, None)
"""Parts of probes."""


class Masks(NamedTuple):
    """Layers by name, as `zoo.ncnn.masks.masked` takes them."""

    arithmetic: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trials:
    """What a model answers with masks.

    artifact: its fp16 files without any, where they are to run. fp32: its fp32 files, of this machine.
    probes: samples that it is asked about. threads, memory_mb: what all processes may take together. runs:
    how often the model will run in all, about.
    """

    artifact: Artifact
    fp32: tuple[Path, ...]
    probes: Sequence[Sample]
    feed: Feed
    threads: int
    memory_mb: float = MEMORY_MB
    runs: int = 0

    @cached_property
    def expected(self) -> Arrays:
        """What fp32 answers for the probes, on this machine."""
        return self.fp32_outputs(self.probes)

    def fp32_outputs(self, samples: Sequence[Sample]) -> Arrays:
        """What fp32 answers on this machine, each (samples, …)."""
        here = Artifact(self.artifact.model, "cpu", "fp32", "ncnn", "fp32", self.fp32)
        return run(here, samples, self.feed, self.threads, self.memory_mb)[0]

    def noise(self, graph: Graph, masks: Masks) -> Doubles:
        """The noise with masks, over the probes. graph: what is in the fp16 files. Raises ArtifactError if
        the file cannot be run with these masks."""
        param = self.artifact.files[0].with_name("masked.param")
        write_param(masked(graph, *masks), param)
        file = replace(self.artifact, files=(param, self.artifact.files[1]))
        return noise(self.expected, run(file, self.probes, self.feed, self.threads, self.memory_mb)[0])

    def effects(self, masks: Masks, part: slice = slice(None)) -> list[Effect]:
        """What the layers do with masks on some of them, for each probe of a part of them. With the first it
        is said if all that is to follow will take long."""
        calls = {
            f"{self.artifact}, layer by layer, image {place} ({probe.name})": (probe, masks)
            for place, probe in list(enumerate(self.probes, 1))[part]  # crops of an image have one name
        }
        if not calls:
            return []
        state = self.artifact, self.feed, max(1, self.threads // self.processes)
        started = time.monotonic()
        found = isolated_each(calls, _effect, self.processes, _State, *state)
        effects = list(progress(found, f"layers of {self.artifact}", len(calls), "image"))
        if part == FIRST:
            seconds = (time.monotonic() - started) * self.runs / self.processes
            self.announcement.warn(seconds, "the first image")
        return effects

    @property
    def announcement(self) -> Announcement:
        """What is said if all of it will take long."""
        what = f"{self.artifact}: to find out which layers must not compute in float16"
        return Announcement(what, self.artifact.device, "fp16: {plan: false} goes without")

    @property
    def processes(self) -> int:
        """How many work side by side."""
        target = self.artifact.target
        if self.artifact.device == "gpu" or (target and target.is_board):
            return 1  # more would be in each other's way
        each = PROCESS_MB + 3 * PROCESS_FACTOR * megabytes(self.artifact.files)
        return fitting(self.threads, self.memory_mb, each, OWN_MB)


def gathered(effects: Sequence[Effect]) -> Effects:
    """The effects of layers on all probes."""
    names = tuple(dict.fromkeys(name for each in effects for name in each.effects))
    vectors = []
    for output in range(len(effects[0].here)):
        here = np.concatenate([each.here[output] for each in effects]).astype(np.float64)
        rows = [
            np.concatenate([_of(each, name, output) for each in effects]).astype(np.float64) for name in names
        ]
        signal = float(here @ here)
        vectors.append(np.array(rows).reshape(len(names), here.size) / np.sqrt(signal or np.inf))
    return Effects(names, tuple(vectors))


def device_outputs(effects: Sequence[Effect]) -> Arrays:
    """The outputs on the device, each (probes, …)."""
    return stacked([each.outputs for each in effects])


def _of(effect: Effect, name: str, output: int) -> np.ndarray:
    return effect.effects[name][output] if name in effect.effects else np.zeros_like(effect.here[output])


class _State(NamedTuple):
    artifact: Artifact
    feed: Feed
    threads: int


def _effect(state: _State, probe: Sample, masks: Masks) -> Effect:
    graph = read_graph(*state.artifact.files)
    _, weights = state.artifact.files
    param = weights.with_name(f"{os.getpid()}.param")
    write_param(masked(graph, *masks), param)
    there = replace(state.artifact, files=(param, weights)).open(state.threads)
    assert isinstance(there, LayerRunner)  # ncnn's
    here = load(state.artifact.files, "cpu", state.threads, "fp16")
    return effect(graph, here, there, read_inputs(probe, state.feed))
