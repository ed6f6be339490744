"""The untouched model's outputs, and an artifact's in the same shapes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.card import CLASSIFICATION
from zoo.config.records.proof import RuntimeInfo
from zoo.errors import ArtifactError, ZooError
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.arrays import read_arrays, write_arrays
from zoo.runners.artifact import Artifact
from zoo.runners.inference import MEMORY_MB, run


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

    @classmethod
    def of(
        cls, samples: Sequence[Sample], outputs: Arrays, task: str, second: Arrays | None = None
    ) -> "Reference":
        """The outputs for these samples, with their names, and their labels if all have one."""
        labels = [sample.label for sample in samples]
        known = None if None in labels else np.array(labels, dtype=np.int64)
        return cls(outputs, tuple(sample.name for sample in samples), known, task, second)

    def of_samples(self, places: NDArray[np.int64]) -> "Reference":
        """The outputs for the samples at these places, from 0."""
        second = None if self.second is None else tuple(each[places] for each in self.second)
        return Reference(
            tuple(each[places] for each in self.outputs),
            tuple(self.names[place] for place in places),
            None if self.labels is None else self.labels[places],
            self.task,
            second,
        )

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
        outputs, second = _numbered(arrays, "output"), _numbered(arrays, "second")
        if not outputs or not _fit(arrays, (*outputs, *second)):
            raise ZooError(f"{path}: not a file of reference outputs; delete it to have it made again")
        names = tuple(arrays["names"].tolist())
        return cls(outputs, names, arrays.get("labels"), str(arrays["task"]), second or None)


def _numbered(arrays: dict[str, NDArray[Any]], stem: str) -> Arrays:
    names = (f"{stem}{place}" for place in itertools.count())
    return tuple(arrays[name] for name in itertools.takewhile(arrays.__contains__, names))


def _fit(arrays: dict[str, NDArray[Any]], outputs: Arrays) -> bool:
    """Whether there is a name for each sample, outputs for each, and a label for each or none."""
    names, task = arrays.get("names"), arrays.get("task")
    if names is None or task is None or names.ndim != 1 or {names.dtype.kind, task.dtype.kind} != {"U"}:
        return False
    labels = arrays.get("labels", np.zeros(len(names), np.int64))
    each = all(output.dtype.kind == "f" and output.shape[:1] == names.shape for output in outputs)
    return each and task.ndim == 0 and labels.dtype.kind == "i" and labels.shape == names.shape


def flat(outputs: Arrays) -> NDArray[np.float32]:
    """The only output, (samples, …), as (samples, numbers)."""
    (output,) = outputs
    return output.reshape(len(output), -1)


def outputs(
    artifact: Artifact,
    samples: Sequence[Sample],
    feed: Feed,
    reference: Reference,
    threads: int,
    memory_mb: float = MEMORY_MB,
) -> tuple[Arrays, RuntimeInfo]:
    """The artifact's outputs for `samples`, in the shapes of the reference's, and what ran it.

    Raises ArtifactError if it cannot be loaded or run or has other outputs, and ZooError if the samples are
    not those of the reference.
    """
    if tuple(sample.name for sample in samples) != reference.names:
        raise ZooError("the images are not those that the reference outputs were made from; build them again")
    found, info = run(artifact, samples, feed, threads, memory_mb)
    return shaped_like(artifact, found, reference.outputs), info


def shaped_like(artifact: Artifact, found: Arrays, expected: Arrays) -> Arrays:
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
