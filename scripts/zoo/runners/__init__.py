"""One interface to the runtimes that execute an artifact: torch, onnxruntime, ncnn here and on a target."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.proof import RuntimeInfo
from zoo.config.targets import Target
from zoo.errors import ArtifactError, ZooError

RUNTIMES = ("torch", "onnxruntime", "ncnn")
PROGRAMS = ("torch", "onnxruntime")
"""Those of which a file can be a stranger's, and can loop, or take what it likes."""


class Runner(Protocol):
    """A loaded model. It takes one array an input, in the model's order and without the batch, such as CHW
    for an image; they are not changed. Raises ArtifactError for another number of inputs than it has."""

    info: RuntimeInfo

    def run(self, inputs: Arrays) -> Arrays:
        """The outputs of the model, without the batch."""

    def compute(self, inputs: Arrays) -> None:
        """Run once for timing; the outputs are computed and left with the runtime."""


@runtime_checkable
class BatchRunner(Runner, Protocol):
    """A runner that can take several samples at once, if this model lets it."""

    batches: bool

    def run_batch(self, inputs: Arrays) -> Arrays:
        """The outputs, each (samples, …), for inputs (samples, …)."""


@runtime_checkable
class LayerRunner(Runner, Protocol):
    """A runner that can tell what is computed inside."""

    def blobs(self, inputs: Arrays, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Intermediate results for one sample by name, in the graph's order; to be read before the next."""


def open_on_target(
    files: Sequence[str | Path],
    target: Target,
    threads: int = 1,
    precision: str = "fp32",
    switches: Mapping[str, bool] | None = None,
) -> LayerRunner:
    """Load ncnn's files on a target; switches: see `open_runner`. Raises ZooError if they cannot be loaded or
    it cannot be reached."""
    module = importlib.import_module("zoo.runners.on_target.runner")
    pair = [Path(file) for file in files]
    runner: LayerRunner = module.load(pair, target, threads, precision, switches)
    return runner


def open_runner(
    runtime: str,
    files: Sequence[str | Path],
    device: str = "cpu",
    threads: int = 1,
    precision: str = "fp32",
    switches: Mapping[str, bool] | None = None,
) -> Runner:
    """Load `files` (one artifact's, a `.param` before its `.bin`) into a runtime.

    device: `cpu` or `gpu`; what `gpu` means is the runtime's: Vulkan for ncnn (an error without a Vulkan
    device), CUDA for torch where there is one. threads: CPU threads to use. switches: ncnn's options that are
    set over those of the precision, see `zoo.ncnn.options`.

    Raises ZooError if the runtime cannot load the files, and for switches where it is not ncnn.
    """
    if runtime not in RUNTIMES:
        raise ZooError(f"unknown runtime {runtime!r}; known: {', '.join(RUNTIMES)}")
    module = importlib.import_module(f"zoo.runners.{runtime}_runner")
    if switches and runtime != "ncnn":
        raise ZooError(f"{', '.join(switches)}: these are options of ncnn, and {runtime} has none of them")
    over = [switches] if switches else []
    runner: Runner = module.load([Path(file) for file in files], device, threads, precision, *over)
    return runner


def as_input(image: NDArray[np.floating]) -> NDArray[np.float32]:
    """`image` as a runtime can take it: float32 and contiguous; the same array if it is."""
    return np.ascontiguousarray(image, dtype=np.float32)


def check_count(path: str | Path, names: Sequence[str], inputs: Arrays) -> None:
    """Raises ArtifactError unless there is an array for each of a model's inputs."""
    if len(inputs) != len(names):
        raise ArtifactError(
            f"{path}: it takes {len(names)} inputs ({', '.join(names)}) and was given {len(inputs)}; declare "
            "them (config.yaml: inputs) and build it again"
        )


def with_batch(inputs: Arrays) -> Arrays:
    """The inputs of one sample as a batch of one."""
    return tuple(each[None] for each in inputs)


def shape_without_batch(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what `without_batch` gives: an output that begins with another dimension, as (time, batch,
    classes) does, keeps it."""
    return shape[1:] if shape[:1] == (1,) else shape


def without_batch(output: NDArray[np.floating]) -> NDArray[np.float32]:
    """An output of a runtime that keeps the batch of one: float32, and without it."""
    values = np.asarray(output, dtype=np.float32)
    return values[0] if values.ndim and values.shape[0] == 1 else values
