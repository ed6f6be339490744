"""ncnn on a target: an agent there has the artifact open."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.proof import RuntimeInfo
from zoo.config.targets import Target
from zoo.ncnn.check import load_checked
from zoo.ncnn.options import options
from zoo.runners import check_count
from zoo.runners.ncnn_runner import model_inputs, model_outputs
from zoo.runners.on_target.reach import processor_of, reached
from zoo.targets.remote import Opened, Remote


class TargetRunner:
    """Computes as `zoo.ncnn.options` says for the precision, as here; on a board with the threads that its
    target has."""

    def __init__(
        self,
        files: Sequence[Path],
        target: Target,
        threads: int,
        precision: str,
        switches: Mapping[str, bool] | None = None,
    ) -> None:
        self._name = str(files[0])
        stack = ExitStack()
        self._finalize = Finalize(
            self, stack.close, exitpriority=0
        )  # children of multiprocessing run no other handlers
        self._remote = stack.enter_context(reached(target))
        if target.is_board:
            threads = most_threads(target, self._remote.told)
        self._inputs, self._opened = open_there(self._remote, files, threads, precision, switches)
        self.info = info_of(self._remote.told, target)

    def run(self, inputs: Arrays) -> Arrays:
        return tuple(values for _, values in self.blobs(inputs, self._opened.outputs))

    def compute(self, inputs: Arrays) -> None:
        self.run(inputs)

    def blobs(self, inputs: Arrays, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Named intermediate results for one sample, in ncnn's layout, as `NcnnRunner.blobs` has them."""
        check_count(self._name, self._inputs, inputs)
        yield from self._remote.run(self._opened, inputs, names)


def open_there(
    remote: Remote,
    files: Sequence[Path],
    threads: int,
    precision: str,
    switches: Mapping[str, bool] | None = None,
) -> tuple[list[str], Opened]:
    """The inputs of an artifact, by name, and what its agent has open."""
    graph = load_checked(*files)
    inputs, outputs = model_inputs(graph), model_outputs(graph)
    del graph
    return inputs, remote.open(files, inputs, outputs, threads, options(precision, switches))


def most_threads(target: Target, told: Mapping[str, Any]) -> int:
    """The threads that a board works with: those of its target, or one a core."""
    return target.threads or max(1, int(told["cores"]))


def info_of(told: Mapping[str, Any], target: Target) -> RuntimeInfo:
    """What ran an artifact, by what its agent says of itself."""
    features = tuple(told["features"])
    return RuntimeInfo("ncnn", told["ncnn"], processor_of(told, target), features=features)


def load(
    files: Sequence[Path],
    target: Target,
    threads: int,
    precision: str,
    switches: Mapping[str, bool] | None = None,
) -> TargetRunner:
    """See `zoo.runners.open_on_target`; `.param` and `.bin`."""
    return TargetRunner(files, target, threads, precision, switches)
