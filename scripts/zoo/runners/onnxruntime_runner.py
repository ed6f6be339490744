"""ONNX Runtime on CPU, or on CUDA where the device is `gpu` and the runtime has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from zoo.array_types import Arrays
from zoo.config.records.proof import RuntimeInfo
from zoo.jobs.isolation import in_time
from zoo.jobs.surroundings import cpu_name
from zoo.runners import as_input, check_count, with_batch, without_batch
from zoo.runners.bounds import fault


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
            with in_time():
                self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # onnxruntime raises half a dozen unrelated classes
            sentence = f"{path}: onnxruntime cannot load it: {str(error).strip()}"
            raise fault(error, path, sentence) from error
        given = self._session.get_inputs()
        self._path, self._inputs = path, [each.name for each in given]
        self.batches = all(each.shape and not isinstance(each.shape[0], int) for each in given)  # any size
        on_gpu = self._session.get_providers()[0] == "CUDAExecutionProvider"
        name, software_gpu = ("CUDA", False) if on_gpu else (cpu_name(), None)
        self.info = RuntimeInfo("onnxruntime", onnxruntime.__version__, name, software_gpu)

    def run(self, inputs: Arrays) -> Arrays:
        return tuple(map(without_batch, self._outputs(with_batch(inputs))))

    def run_batch(self, inputs: Arrays) -> Arrays:
        return tuple(np.asarray(each, dtype=np.float32) for each in self._outputs(inputs))

    def compute(self, inputs: Arrays) -> None:
        self._outputs(with_batch(inputs))

    def _outputs(self, inputs: Arrays) -> list[Any]:
        check_count(self._path, self._inputs, inputs)
        fed = {name: as_input(values) for name, values in zip(self._inputs, inputs, strict=True)}
        try:
            with in_time():
                outputs: list[Any] = self._session.run(None, fed)
            return outputs
        except Exception as error:
            sentence = f"{self._path}: onnxruntime cannot run it: {str(error).strip()}"
            raise fault(error, self._path, sentence) from error


def load(files: Sequence[Path], device: str, threads: int, precision: str) -> OnnxRunner:
    """See `zoo.runners.open_runner`; one file, in the precision it was written in."""
    return OnnxRunner(files[0], device, threads)
