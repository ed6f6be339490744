"""ONNX Runtime on CPU, or on CUDA where the device is `gpu` and the runtime has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from zoo.errors import ArtifactError
from zoo.hardware import cpu_name
from zoo.runners import RuntimeInfo, as_input, wrong_interface


class OnnxRunner:
    def __init__(self, path: Path, device: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        wanted = ["CUDAExecutionProvider"] if device == "gpu" else []
        available = onnxruntime.get_available_providers()
        providers = [name for name in wanted if name in available] + ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # onnxruntime raises half a dozen unrelated classes
            raise ArtifactError(f"{path}: onnxruntime cannot load it: {str(error).strip()}") from error
        inputs = [each.name for each in self._session.get_inputs()]
        outputs = [each.name for each in self._session.get_outputs()]
        if len(inputs) != 1 or len(outputs) != 1:
            raise wrong_interface(path, inputs, outputs)
        self._path, self._input = path, inputs[0]
        self.batches = not isinstance(self._session.get_inputs()[0].shape[0], int)  # a name or None: any size
        on_gpu = self._session.get_providers()[0] == "CUDAExecutionProvider"
        name, software_gpu = ("CUDA", False) if on_gpu else (cpu_name(), None)
        self.info = RuntimeInfo("onnxruntime", onnxruntime.__version__, name, software_gpu)

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = self.run_batch(image[None])[0]
        return output

    def step(self, image: NDArray[np.float32]) -> None:
        self._compute(image[None])

    def run_batch(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._compute(images), dtype=np.float32).reshape(len(images), -1)

    def _compute(self, images: NDArray[np.float32]) -> Any:
        try:
            return self._session.run(None, {self._input: as_input(images)})[0]
        except Exception as error:
            raise ArtifactError(f"{self._path}: onnxruntime cannot run it: {str(error).strip()}") from error


def load(files: Sequence[Path], device: str, threads: int, precision: str) -> OnnxRunner:
    """See `zoo.runners.open_runner`; one file, in the precision it was written in."""
    return OnnxRunner(files[0], device, threads)
