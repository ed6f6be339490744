"""TorchScript in torch, on CUDA where the device is `gpu` and there is one, else on CPU."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zoo.errors import ArtifactError
from zoo.hardware import cpu_name
from zoo.runners import RuntimeInfo, as_input, wrong_interface


class TorchRunner:
    batches = True  # as a rule: a trace may hold its batch of one in a constant

    def __init__(self, path: Path, device: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._path = path
        self._device = torch.device("cuda" if device == "gpu" and torch.cuda.is_available() else "cpu")
        # TF32 rounds the products of convolutions to 10 bits; the reference is float32.
        torch.backends.cudnn.allow_tf32 = False
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", r"`torch\.jit\.", FutureWarning)  # still what pnnx reads
                module = torch.jit.load(str(path), map_location=self._device)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise ArtifactError(f"{path}: torch cannot load it: {_first_line(error)}") from error
        self._module = module.eval()
        schema = self._module.forward.schema
        inputs = [argument.name for argument in schema.arguments[1:]]  # the first is self
        returned = str(schema.returns[0].type)
        if len(inputs) != 1 or returned != "Tensor":
            raise wrong_interface(path, inputs, [returned])
        on_gpu = self._device.type == "cuda"
        name = torch.cuda.get_device_name() if on_gpu else cpu_name()
        self.info = RuntimeInfo("torch", torch.__version__, name, False if on_gpu else None)

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = self.run_batch(image[None])[0]
        return output

    def run_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = self._compute(images).float().cpu().numpy()
        return output.reshape(len(images), -1)

    def step(self, image: NDArray[np.float32]) -> None:
        self._compute(image[None])
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _compute(self, images: NDArray[np.float32]) -> torch.Tensor:
        try:
            with torch.inference_mode():
                output: torch.Tensor = self._module(torch.from_numpy(as_input(images)).to(self._device))
                return output
        except RuntimeError as error:
            raise ArtifactError(f"{self._path}: torch cannot run it: {_first_line(error)}") from error


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().split("\n", 1)[0]


def load(files: Sequence[Path], device: str, threads: int, precision: str) -> TorchRunner:
    """See `zoo.runners.open_runner`; one file, in the precision it was written in."""
    return TorchRunner(files[0], device, threads)
