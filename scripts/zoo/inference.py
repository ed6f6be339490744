"""Outputs of an artifact for a list of image samples, computed in a child process (see `isolation`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.arrays import read_arrays, write_arrays
from zoo.errors import ArtifactError, ZooError
from zoo.image_sets import Sample
from zoo.images import load
from zoo.isolation import isolated
from zoo.preprocess import Preprocess
from zoo.runners import RuntimeInfo, open_runner


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
    return isolated(str(artifact), _outputs, artifact, samples, record, threads)


def _outputs(
    artifact: Artifact, samples: Sequence[Sample], record: Preprocess, threads: int
) -> tuple[NDArray[np.float32], RuntimeInfo]:
    runner = open_runner(artifact.runtime, artifact.files, artifact.device, threads, artifact.precision)
    images = load(samples, record, threads, progress=str(artifact))
    return np.stack([runner.run(image) for _, image in images]), runner.info
