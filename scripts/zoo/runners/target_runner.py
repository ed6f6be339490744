"""ncnn on a target: an agent there has the artifact open."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.util import Finalize
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.proof import RuntimeInfo
from zoo.config.targets import Target
from zoo.errors import ZooError
from zoo.jobs.scratch import scratch
from zoo.ncnn.check import load_checked
from zoo.ncnn.options import options
from zoo.runners import check_count
from zoo.runners.ncnn_runner import model_inputs, model_outputs
from zoo.targets.carriers import emulation
from zoo.targets.remote import Remote


class TargetRunner:
    """Computes as `zoo.ncnn.options` says for the precision, as here.

    The agent's cache is a folder that goes with this process: what is emulated here need not keep files.
    """

    def __init__(
        self,
        files: Sequence[Path],
        target: Target,
        threads: int,
        precision: str,
        switches: Mapping[str, bool] | None = None,
    ) -> None:
        if target.agent is None:
            raise ZooError(f"{target.name}: nobody said which agent works there")
        graph = load_checked(*files)
        self._name, self._inputs = str(files[0]), model_inputs(graph)
        outputs = model_outputs(graph)
        del graph
        carrier, agent = emulation(target.emulate), Path(target.agent)
        stack = ExitStack()
        Finalize(self, stack.close, exitpriority=0)  # children of multiprocessing run no other handlers
        cache = stack.enter_context(scratch(agent))
        self._remote = Remote.start(target.name, carrier, agent, str(cache.absolute()))
        stack.callback(self._remote.close)
        self._opened = self._remote.open(files, self._inputs, outputs, threads, options(precision, switches))
        told = self._remote.told
        cpu = f"{told['cpu']}, emulated" if carrier.emulated else told["cpu"]
        self.info = RuntimeInfo("ncnn", told["ncnn"], cpu, features=tuple(told["features"]))

    def run(self, inputs: Arrays) -> Arrays:
        return tuple(values for _, values in self.blobs(inputs, self._opened.outputs))

    def compute(self, inputs: Arrays) -> None:
        self.run(inputs)

    def blobs(self, inputs: Arrays, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Named intermediate results for one sample, in ncnn's layout, as `NcnnRunner.blobs` has them."""
        check_count(self._name, self._inputs, inputs)
        yield from self._remote.run(self._opened, inputs, names)


def load(
    files: Sequence[Path],
    target: Target,
    threads: int,
    precision: str,
    switches: Mapping[str, bool] | None = None,
) -> TargetRunner:
    """See `zoo.runners.open_on_target`; `.param` and `.bin`."""
    return TargetRunner(files, target, threads, precision, switches)
