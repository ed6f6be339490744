"""Outputs of an artifact for a list of image samples, computed in child processes (see `isolation`)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.arrays import read_arrays, write_arrays
from zoo.errors import ArtifactError, ZooError
from zoo.image_sets import Sample
from zoo.images import load, read_input
from zoo.isolation import isolated, isolated_each
from zoo.preprocess import Preprocess
from zoo.runners import Runner, RuntimeInfo, open_runner

PART = 16
"""Images that a process takes at a time."""
MEMORY_BYTES = 3e9
"""What all processes of a job may take."""

Part = tuple[list[NDArray[np.float32]], RuntimeInfo]


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


@dataclass(frozen=True, eq=False)
class Reference:
    """The untouched model's outputs, float32 (images, classes), the images' names, and labels if any."""

    logits: NDArray[np.float32]
    names: tuple[str, ...]
    labels: NDArray[np.int64] | None

    def save(self, path: Path) -> None:
        """Write as .npz."""
        labels = {} if self.labels is None else {"labels": self.labels}
        write_arrays({"logits": self.logits, "names": np.array(self.names)} | labels, path)

    @classmethod
    def load(cls, path: Path) -> "Reference":
        """The inverse of `save`. Raises ZooError if the file is not such a file."""
        arrays = read_arrays(path)
        if not {"logits", "names"} <= set(arrays):
            raise ZooError(f"{path}: not a file of reference outputs; delete it to have it made again")
        return cls(arrays["logits"], tuple(arrays["names"].tolist()), arrays.get("labels"))


def outputs(
    artifact: Artifact, samples: Sequence[Sample], record: Preprocess, reference: Reference, threads: int
) -> tuple[NDArray[np.float32], RuntimeInfo]:
    """The artifact's outputs for `samples`, (images, classes), and what ran it.

    Raises ArtifactError if it cannot be loaded or run or has outputs of another shape, and ZooError if the
    images are not those of the reference.
    """
    if tuple(sample.name for sample in samples) != reference.names:
        raise ZooError("the images are not those that the reference outputs were made from; build them again")
    logits, info = run(artifact, samples, record, threads)
    if logits.shape != reference.logits.shape:
        raise ArtifactError(
            f"{artifact}: its outputs have the shape {logits.shape}, the original model's have "
            f"{reference.logits.shape}"
        )
    return logits, info


def run(
    artifact: Artifact, samples: Sequence[Sample], record: Preprocess, threads: int
) -> tuple[NDArray[np.float32], RuntimeInfo]:
    """The artifact's outputs for `samples`, (images, classes), and what ran it, whatever they should be.

    Raises ArtifactError if it cannot be loaded or run.
    """
    processes = _processes(artifact, len(samples), threads)
    if processes == 1:
        return isolated(str(artifact), _outputs, artifact, samples, record, threads)
    calls = {
        f"{artifact}, images {start + 1} to {start + PART}": (samples[start : start + PART],)
        for start in range(0, len(samples), PART)
    }
    parts = isolated_each(calls, _part, processes, _open, artifact, record, threads // processes)
    found: list[NDArray[np.float32]] = []
    infos: list[RuntimeInfo] = []
    for part, info in _shown(parts, str(artifact), len(samples)):
        found += part
        infos.append(info)
    return np.stack(found), infos[0]


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


_child: list[tuple[Runner, Preprocess]] = []


def _open(artifact: Artifact, record: Preprocess, threads: int) -> None:
    runner = open_runner(artifact.runtime, artifact.files, artifact.device, threads, artifact.precision)
    _child.append((runner, record))


def _part(samples: Sequence[Sample]) -> Part:
    runner, record = _child[0]
    return [runner.run(read_input(sample, record)) for sample in samples], runner.info


def _outputs(
    artifact: Artifact, samples: Sequence[Sample], record: Preprocess, threads: int
) -> tuple[NDArray[np.float32], RuntimeInfo]:
    runner = open_runner(artifact.runtime, artifact.files, artifact.device, threads, artifact.precision)
    images = load(samples, record, threads, progress=str(artifact))
    return np.stack([runner.run(image) for _, image in images]), runner.info
