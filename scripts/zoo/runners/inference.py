"""Outputs of an artifact for a list of samples, computed in child processes (see `isolation`)."""

from collections.abc import Iterator, Sequence

import numpy as np

from zoo.array_types import Arrays
from zoo.config.proof import RuntimeInfo
from zoo.errors import ArtifactError
from zoo.images.decode import load, read_inputs
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated, isolated_each
from zoo.runners import Runner
from zoo.runners.artifact import Artifact

PART = 16
"""Images that a process takes at a time."""
MEMORY_BYTES = 3e9
"""What all processes of a job may take."""

Part = tuple[list[Arrays], RuntimeInfo]


def run(
    artifact: Artifact, samples: Sequence[Sample], feed: Feed, threads: int
) -> tuple[Arrays, RuntimeInfo]:
    """The artifact's outputs for `samples`, each (samples, …), and what ran it, whatever they should be.

    Raises ArtifactError if it cannot be loaded or run.
    """
    processes = _processes(artifact, len(samples), threads)
    if processes == 1:
        return isolated(str(artifact), _outputs, artifact, samples, feed, threads)
    calls = {
        f"{artifact}, images {start + 1} to {start + PART}": (samples[start : start + PART],)
        for start in range(0, len(samples), PART)
    }
    parts = isolated_each(calls, _part, processes, _open, artifact, feed, threads // processes)
    found: list[Arrays] = []
    infos: list[RuntimeInfo] = []
    for part, info in _shown(parts, str(artifact), len(samples)):
        found += part
        infos.append(info)
    return stacked(found), infos[0]


def _processes(artifact: Artifact, images: int, threads: int) -> int:
    """How many processes run an artifact: ncnn's Python module holds the interpreter's lock, so that decoding
    and running take turns in one; more would be in each other's way on a GPU."""
    if artifact.runtime != "ncnn" or artifact.device == "gpu":
        return 1
    size = sum(file.stat().st_size for file in artifact.files if file.is_file())
    return max(1, min(threads, images // (2 * PART), int(MEMORY_BYTES / (150e6 + 3 * size))))


def _shown(parts: Iterator[Part], title: str, images: int) -> Iterator[Part]:
    """The same, with a progress bar on a terminal."""
    from tqdm import tqdm

    with tqdm(desc=title, total=images, disable=None, delay=2, leave=False, unit="image") as bar:
        for part in parts:
            bar.update(len(part[0]))
            yield part


_child: list[tuple[Runner, Feed]] = []


def _open(artifact: Artifact, feed: Feed, threads: int) -> None:
    _child.append((artifact.open(threads), feed))


def _part(samples: Sequence[Sample]) -> Part:
    runner, feed = _child[0]
    return [runner.run(read_inputs(sample, feed)) for sample in samples], runner.info


def _outputs(
    artifact: Artifact, samples: Sequence[Sample], feed: Feed, threads: int
) -> tuple[Arrays, RuntimeInfo]:
    runner = artifact.open(threads)
    loaded = load(samples, feed, threads, progress=str(artifact))
    return stacked([runner.run(inputs) for _, inputs in loaded]), runner.info


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
