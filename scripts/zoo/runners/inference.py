"""Outputs of an artifact for a list of samples, computed in child processes (see `isolation`)."""

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from zoo.array_types import Arrays
from zoo.config.records.proof import RuntimeInfo
from zoo.errors import ArtifactError
from zoo.images.decode import load, read_inputs
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import answering, isolated, isolated_each
from zoo.jobs.progress import progress
from zoo.jobs.usage import fitting, megabytes
from zoo.runners import Runner
from zoo.runners.artifact import Artifact
from zoo.runners.on_target.foreseen import Announcement

PART = 16
"""Images that a process takes at a time."""

MEMORY_MB = 3000
"""What all processes of a job may take that was granted nothing in particular."""
OWN_MB, PROCESS_MB, PROCESS_FACTOR = 200, 150, 3.0
"""Memory of a job that shares images out; of each process, besides so many times the model's files."""

Part = tuple[list[Arrays], RuntimeInfo]


def run(
    artifact: Artifact,
    samples: Sequence[Sample],
    feed: Feed,
    threads: int,
    memory_mb: float = MEMORY_MB,
) -> tuple[Arrays, RuntimeInfo]:
    """The artifact's outputs for `samples`, each (samples, …), and what ran it, whatever they should be.

    threads, memory_mb: what the job was granted, to be shared out among processes.
    Raises ArtifactError if it cannot be loaded or run.
    """
    processes = processes_for(artifact, len(samples), threads, memory_mb)
    if processes == 1 and not artifact.target:
        return isolated(str(artifact), _outputs, artifact, samples, feed, threads)
    size = 1 if artifact.target else PART
    calls = {
        f"{artifact}, images {start + 1} to {start + size}": (samples[start : start + size],)
        for start in range(0, len(samples), size)
    }
    parts: Iterable[Part] = isolated_each(
        calls, _part, processes, _open, artifact, feed, max(1, threads // processes)
    )
    if artifact.target:
        parts = _announced(parts, artifact, len(samples) / processes)
    found: list[Arrays] = []
    infos: list[RuntimeInfo] = []
    for part, info in progress(parts, str(artifact), len(samples), "image", lambda part: len(part[0])):
        found += part
        infos.append(info)
    return stacked(found), infos[0]


def processes_for(artifact: Artifact, images: int, threads: int, memory_mb: float) -> int:
    """How many processes run an artifact: ncnn's Python module holds the interpreter's lock, so that decoding
    and running take turns in one; more would be in each other's way on a GPU. On a target each image is work
    enough for one."""
    if artifact.runtime != "ncnn" or artifact.device == "gpu":
        return 1
    wanted = min(threads, images if artifact.target else images // (2 * PART))
    if artifact.target and artifact.target.is_board:
        wanted = 1  # an agent has a board for itself
    return fitting(wanted, memory_mb, PROCESS_MB + PROCESS_FACTOR * megabytes(artifact.files), OWN_MB)


def _announced(parts: Iterable[Part], artifact: Artifact, rounds: float) -> Iterator[Part]:
    """The same; once the first shows that all will take long, that is said. rounds: of processes."""
    start = time.monotonic()
    for place, part in enumerate(parts):
        if place == 0:
            Announcement.of(artifact).warn((time.monotonic() - start) * rounds, "the first image")
        yield part


def _open(artifact: Artifact, feed: Feed, threads: int) -> tuple[Runner, Feed]:
    return artifact.open(threads), feed


def _part(state: tuple[Runner, Feed], samples: Sequence[Sample]) -> Part:
    runner, feed = state
    return [runner.run(read_inputs(sample, feed)) for sample in answering(samples)], runner.info


def _outputs(
    artifact: Artifact, samples: Sequence[Sample], feed: Feed, threads: int
) -> tuple[Arrays, RuntimeInfo]:
    runner = artifact.open(threads)
    loaded = load(samples, feed, threads, title=str(artifact))
    return stacked([runner.run(inputs) for _, inputs in answering(loaded)]), runner.info


def stacked(results: Sequence[Arrays]) -> Arrays:
    """The outputs of each sample as one array an output, (samples, …).

    Raises ArtifactError if an output's shape differs between samples.
    """
    try:
        return tuple(np.stack(each) for each in zip(*results, strict=True))
    except ValueError:
        raise ArtifactError(
            "the shape of an output depends on the content of the input; export the model without such steps "
            "(non-maximum suppression, say), so that raw outputs can be compared"
        ) from None
