"""Outputs of an artifact for a list of samples, computed in child processes (see `isolation`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.arrays import read_arrays, write_arrays
from zoo.errors import ArtifactError, ZooError
from zoo.image_sets import Sample
from zoo.images import load, read_inputs
from zoo.inputs import Feed
from zoo.isolation import isolated, isolated_each
from zoo.runners import Arrays, Runner, RuntimeInfo, open_runner

PART = 16
"""Images that a process takes at a time."""
MEMORY_BYTES = 3e9
"""What all processes of a job may take."""

Part = tuple[list[Arrays], RuntimeInfo]


@dataclass(frozen=True)
class Artifact:
    """What it takes to run an artifact: whose it is, its runtime (see `runners`), precision and files."""

    model: str
    device: str
    name: str
    runtime: str
    precision: str
    files: tuple[Path, ...]

    @classmethod
    def of(cls, files: Iterable[str | Path], **fields: str) -> "Artifact":
        """An artifact from its fields and its files, in any form of path."""
        return cls(files=tuple(map(Path, files)), **fields)

    def __str__(self) -> str:
        return f"{self.device}/{self.model}/{self.name}"

    def heading(self) -> dict[str, str]:
        """The keys that every record about an artifact starts with."""
        return {"model": self.model, "device": self.device, "artifact": self.name}


CLASSIFICATION, OTHER = "classification", "other"
"""What a model is for: one vector of class scores, or anything else, which is compared tensor by tensor."""


@dataclass(frozen=True, eq=False)
class Reference:
    """The untouched model's outputs for a set of samples.

    outputs: each float32 (samples, …). names: of the samples. labels: of the samples, if they have any.
    second: the outputs for the second shape of a dynamic model.
    """

    outputs: Arrays
    names: tuple[str, ...]
    labels: NDArray[np.int64] | None = None
    task: str = CLASSIFICATION
    second: Arrays | None = None

    @property
    def logits(self) -> NDArray[np.float32]:
        """The outputs of a classifier, (samples, classes)."""
        return flat(self.outputs)

    @property
    def classifies(self) -> bool:
        return self.task == CLASSIFICATION

    def save(self, path: Path) -> None:
        """Write as .npz."""
        arrays: dict[str, NDArray[Any]] = {"names": np.array(self.names), "task": np.array(self.task)}
        arrays |= {f"output{place}": each for place, each in enumerate(self.outputs)}
        arrays |= {f"second{place}": each for place, each in enumerate(self.second or ())}
        write_arrays(arrays if self.labels is None else arrays | {"labels": self.labels}, path)

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """The inverse of `save`. Raises ZooError if the file is not such a file."""
        arrays = read_arrays(path)
        if not {"output0", "names", "task"} <= set(arrays):
            raise ZooError(f"{path}: not a file of reference outputs; delete it to have it made again")
        return cls(
            _numbered(arrays, "output"),
            tuple(arrays["names"].tolist()),
            arrays.get("labels"),
            str(arrays["task"]),
            _numbered(arrays, "second") or None,
        )


def _numbered(arrays: dict[str, NDArray[Any]], stem: str) -> Arrays:
    count = sum(name.startswith(stem) for name in arrays)
    return tuple(arrays[f"{stem}{place}"] for place in range(count))


def flat(outputs: Arrays) -> NDArray[np.float32]:
    """The only output, (samples, …), as (samples, numbers)."""
    (output,) = outputs
    return output.reshape(len(output), -1)


def outputs(
    artifact: Artifact, samples: Sequence[Sample], feed: Feed, reference: Reference, threads: int
) -> tuple[Arrays, RuntimeInfo]:
    """The artifact's outputs for `samples`, in the shapes of the reference's, and what ran it.

    Raises ArtifactError if it cannot be loaded or run or has other outputs, and ZooError if the samples are
    not those of the reference.
    """
    if tuple(sample.name for sample in samples) != reference.names:
        raise ZooError("the images are not those that the reference outputs were made from; build them again")
    found, info = run(artifact, samples, feed, threads)
    return like(artifact, found, reference.outputs), info


def like(artifact: Artifact, found: Arrays, expected: Arrays) -> Arrays:
    """Outputs in the shapes of the original model's: runtimes drop dimensions of one in their own ways.

    Raises ArtifactError unless there are as many, of as many numbers each.
    """
    if len(found) != len(expected):
        raise ArtifactError(
            f"{artifact}: it has {len(found)} outputs, and the original model has {len(expected)}"
        )
    for place, (own, other) in enumerate(zip(found, expected, strict=True)):
        if own.size != other.size or len(own) != len(other):
            which = f"its output {place} has" if len(found) > 1 else "its outputs have"
            raise ArtifactError(
                f"{artifact}: {which} the shape {own.shape}, the original model's {other.shape}"
            )
    return tuple(own.reshape(other.shape) for own, other in zip(found, expected, strict=True))


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
    runner = open_runner(artifact.runtime, artifact.files, artifact.device, threads, artifact.precision)
    _child.append((runner, feed))


def _part(samples: Sequence[Sample]) -> Part:
    runner, feed = _child[0]
    return [runner.run(read_inputs(sample, feed)) for sample in samples], runner.info


def _outputs(
    artifact: Artifact, samples: Sequence[Sample], feed: Feed, threads: int
) -> tuple[Arrays, RuntimeInfo]:
    runner = open_runner(artifact.runtime, artifact.files, artifact.device, threads, artifact.precision)
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
