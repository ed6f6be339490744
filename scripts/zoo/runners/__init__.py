"""One interface to the runtimes that execute an artifact: torch, onnxruntime, ncnn on CPU and on Vulkan."""

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ArtifactError, ZooError

RUNTIMES = ("torch", "onnxruntime", "ncnn")


@dataclass(frozen=True)
class RuntimeInfo:
    """What ran an artifact: the runtime, its version, and the hardware by name."""

    name: str
    version: str
    device: str
    software_gpu: bool | None = None  # None on a CPU

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Runner(Protocol):
    """A loaded model. Inputs are arrays in CHW layout, one image at a time; they are not changed."""

    info: RuntimeInfo

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output of the model for one image, flattened to (classes,)."""

    def step(self, image: NDArray[np.float32]) -> None:
        """Run once for timing; the output is computed and left with the runtime."""


@runtime_checkable
class BatchRunner(Runner, Protocol):
    """A runner that can take several images at once, if this model lets it."""

    batches: bool

    def run_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The outputs, (images, classes), for images (images, C, H, W)."""


def open_runner(
    runtime: str, files: Sequence[str | Path], device: str = "cpu", threads: int = 1, precision: str = "fp32"
) -> Runner:
    """Load `files` (one artifact's, a `.param` before its `.bin`) into a runtime.

    device: `cpu` or `gpu`; what `gpu` means is the runtime's: Vulkan for ncnn (an error without a Vulkan
    device), CUDA for torch where there is one. threads: CPU threads to use.

    Raises ZooError if the runtime cannot load the files, or the model does not take one image and return
    one tensor.
    """
    if runtime not in RUNTIMES:
        raise ZooError(f"unknown runtime {runtime!r}; known: {', '.join(RUNTIMES)}")
    module = importlib.import_module(f"zoo.runners.{runtime}_runner")
    runner: Runner = module.load([Path(file) for file in files], device, threads, precision)
    return runner


def as_input(image: NDArray[np.floating]) -> NDArray[np.float32]:
    """`image` as a runtime can take it: float32 and contiguous; the same array if it is."""
    return np.ascontiguousarray(image, dtype=np.float32)


def wrong_interface(path: str | Path, inputs: Sequence[str], outputs: Sequence[str]) -> ArtifactError:
    """The error for a model that has other than one input and one output."""
    takes, returns = (", ".join(names) or "nothing" for names in (inputs, outputs))
    return ArtifactError(
        f"{path}: it takes {takes} and returns {returns}; export a model that takes one image and returns "
        "one tensor"
    )
