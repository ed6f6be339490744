"""TorchScript in torch, on CUDA where the device is `gpu` and there is one, else on CPU."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from zoo.array_types import Arrays
from zoo.config.records.proof import RuntimeInfo
from zoo.jobs.isolation import in_time
from zoo.jobs.surroundings import cpu_name
from zoo.runners import as_input, check_count, with_batch, without_batch
from zoo.runners.bounds import fault
from zoo.runners.torch_outputs import tensors_of


class TorchRunner:
    batches = True  # as a rule: a trace may hold its batch of one in a constant

    def __init__(self, path: Path, device: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._path = path
        self._device = torch.device("cuda" if device == "gpu" and torch.cuda.is_available() else "cpu")
        # TF32 rounds the products of convolutions to 10 bits; the reference is float32.
        torch.backends.cudnn.allow_tf32 = False
        try:
            with warnings.catch_warnings(), in_time():
                warnings.filterwarnings("ignore", r"`torch\.jit\.", FutureWarning)  # still what pnnx reads
                module = torch.jit.load(str(path), map_location=self._device)  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise fault(error, path, f"{path}: torch cannot load it: {_first_line(error)}") from error
        self._module = module.eval()
        arguments = self._module.forward.schema.arguments[1:]  # the first is self
        self._inputs = [argument.name for argument in arguments if not argument.has_default_value()]
        on_gpu = self._device.type == "cuda"
        name = torch.cuda.get_device_name() if on_gpu else cpu_name()
        self.info = RuntimeInfo("torch", torch.__version__, name, False if on_gpu else None)

    def run(self, inputs: Arrays) -> Arrays:
        return tuple(map(without_batch, self.run_batch(with_batch(inputs))))

    def run_batch(self, inputs: Arrays) -> Arrays:
        return tuple(each.float().cpu().numpy() for each in self._outputs(inputs))

    def compute(self, inputs: Arrays) -> None:
        self._outputs(with_batch(inputs))
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def _outputs(self, inputs: Arrays) -> list[torch.Tensor]:
        check_count(self._path, self._inputs, inputs)
        try:
            with torch.inference_mode(), in_time():
                tensors = (torch.from_numpy(as_input(each)).to(self._device) for each in inputs)
                return tensors_of(self._module(*tensors))
        except RuntimeError as error:
            sentence = f"{self._path}: torch cannot run it: {_first_line(error)}"
            raise fault(error, self._path, sentence) from error


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().split("\n", 1)[0]


def load(files: Sequence[Path], device: str, threads: int, precision: str) -> TorchRunner:
    """See `zoo.runners.open_runner`; one file, in the precision it was written in."""
    return TorchRunner(files[0], device, threads)
