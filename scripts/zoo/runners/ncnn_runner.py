"""ncnn on CPU and on Vulkan.

The runtime does not defend itself: a truncated `.bin`, a failed extract or an array that is not
contiguous ends the process or gives garbage. So files are checked by `zoo.ncnn.check` before they
are loaded, return codes before results are touched, and inputs are copied.
"""

import ctypes
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays, Floats
from zoo.config.records.proof import RuntimeInfo
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.surroundings import cpu_name
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import Graph
from zoo.ncnn.options import options
from zoo.runners import as_input, check_count
from zoo.runners.vulkan import vulkan_device


class NcnnRunner:
    """Computes as `zoo.ncnn.options` says for the precision and for the switches that are set over it."""

    def __init__(
        self,
        param: str | Path,
        weights: str | Path,
        device: str,
        threads: int,
        precision: str,
        switches: Mapping[str, bool] | None = None,
    ) -> None:
        graph = load_checked(param, weights)
        self._name = str(param)
        self._inputs, self._outputs = model_inputs(graph), model_outputs(graph)
        del graph  # its weights are not to lie in memory beside ncnn's
        self._net = ncnn.Net()
        settings = self._net.opt
        settings.num_threads = threads
        settings.use_vulkan_compute = device == "gpu"
        for name, on in options(precision, switches).items():
            setattr(settings, name, on)
        gpu = vulkan_device() if device == "gpu" else None
        if gpu:
            self._net.set_vulkan_device(gpu.index)
        hardware = (gpu.name, gpu.software, gpu.driver) if gpu else (cpu_name(),)
        self.info = RuntimeInfo("ncnn", ncnn.__version__, *hardware)
        for load, path in ((self._net.load_param, param), (self._net.load_model, weights)):
            if load(str(path)) != 0:
                raise ArtifactError(f"{path}: ncnn cannot load it")
        if gpu and not settings.use_vulkan_compute:  # ncnn takes it back where the device does not work
            raise ZooError(
                f"the Vulkan device {gpu.name} does not work, and a gpu artifact is never run on the CPU "
                "instead: update its driver, or build for the device cpu"
            )

    def run(self, inputs: Arrays) -> Arrays:
        # copies: what an extractor yields is its own memory, and goes with it
        return tuple(values.copy() for _, values in self.blobs(inputs, self._outputs))

    def compute(self, inputs: Arrays) -> None:
        extractor = self._extractor(inputs)
        for name in self._outputs:
            self._extract(extractor, name)

    def blobs(self, inputs: Arrays, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Named intermediate results for one sample, in ncnn's layout, such as (c, h, w).

        `names` must be in the graph's order: a blob is computed when its turn comes and freed, but for the
        one that is yielded, once its reader has run. What is yielded is ncnn's own memory, to be read only.
        """
        extractor = self._extractor(inputs)
        if not self._net.opt.use_vulkan_compute:
            extractor.set_blob_allocator(_pool())
            extractor.set_workspace_allocator(_pool())
        for name in names:
            yield name, np.asarray(self._extract(extractor, name), dtype=np.float32)

    def computed(self, given: Mapping[str, Floats], names: Sequence[str]) -> Arrays:
        """Results by name, in ncnn's layout, from blobs that are given, whichever these are; what is before
        these is not computed."""
        extractor = self._net.create_extractor()
        for name, blob in given.items():
            values = as_input(blob)
            extractor.input(name, ncnn.Mat(values).clone())
        return tuple(np.array(self._extract(extractor, name), dtype=np.float32) for name in names)

    def seconds(self, inputs: Arrays, names: Sequence[str]) -> list[float]:
        """The time from one blob to the next, for blobs in the graph's order; the first from the inputs on.

        On the CPU a result stays in the layout that the next layer takes it in, and is let go before that
        one runs, so the sum is that of a whole run; with one thread it is CPU time, which others on the
        machine do not add to. On Vulkan each is waited for and copied to the CPU.
        """
        settings = self._net.opt
        alone = settings.num_threads == 1 and not settings.use_vulkan_compute
        clock = time.process_time if alone else time.perf_counter
        extractor = self._extractor(inputs)
        seconds = []
        for name in names:
            start = clock()
            self._extract(extractor, name, as_it_is=True)
            seconds.append(clock() - start)
        return seconds

    def _extractor(self, inputs: Arrays) -> Any:
        """An extractor with a copy of the inputs, for a first layer that works in place writes to them."""
        check_count(self._name, self._inputs, inputs)
        extractor = self._net.create_extractor()
        for name, given in zip(self._inputs, inputs, strict=True):
            values = as_input(given)  # named, for a Mat does not keep its array alive until it is copied
            extractor.input(name, ncnn.Mat(values).clone())
        return extractor

    def _extract(self, extractor: Any, blob: str, as_it_is: bool = False) -> Any:
        output = ncnn.Mat()  # filled in place: the form of extract that returns one copies it first
        code = extractor.extract(blob, output, int(as_it_is))
        if code != 0:
            raise ArtifactError(f"{self._name}: ncnn failed to compute the blob {blob} (code {code})")
        return output


@cache
def _pool() -> Any:
    """The memory of blobs on the CPU: a run takes what the last one left, and asks the system for none, which
    would clear it first. Of the process, to its end: what is yielded may outlive its runner, and no pool may
    be freed before what lies in it."""
    pool = ncnn.PoolAllocator()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(pool))
    return pool


def model_inputs(graph: Graph) -> list[str]:
    """The model's inputs in its order, which pnnx's names tell: its layers can be in another one."""
    return sorted(graph.inputs, key=_number)


def model_outputs(graph: Graph) -> list[str]:
    """The model's outputs as pnnx names them, in the model's order: a blob that nobody reads may be a part
    that is not used."""
    named = [blob for blob in graph.outputs if re.fullmatch(r"out\d+", blob)]
    return sorted(named, key=_number) or list(graph.outputs)


def _number(blob: str) -> int:
    digits = re.search(r"\d+$", blob)
    return int(digits[0]) if digits else 0


def load(
    files: Sequence[Path],
    device: str,
    threads: int,
    precision: str,
    switches: Mapping[str, bool] | None = None,
) -> NcnnRunner:
    """See `zoo.runners.open_runner`; `.param` and `.bin`."""
    return NcnnRunner(files[0], files[1], device, threads, precision, switches)
