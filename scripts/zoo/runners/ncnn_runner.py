"""ncnn on CPU and on Vulkan.

The runtime does not defend itself: a truncated `.bin`, a failed extract or an array that is not
contiguous ends the process or gives garbage. So files are checked by `zoo.ncnn_check` before they
are loaded, return codes before results are touched, and inputs are copied.
"""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
from numpy.typing import NDArray

from zoo.errors import ArtifactError, ZooError
from zoo.hardware import cpu_name
from zoo.ncnn_check import load_checked
from zoo.ncnn_graph import Graph
from zoo.runners import RuntimeInfo, as_input, wrong_interface
from zoo.vulkan import vulkan_device


class NcnnRunner:
    """`half` lets the runtime store and compute in fp16 where it wants to, as it does by default."""

    def __init__(self, param: str | Path, weights: str | Path, device: str, threads: int, half: bool) -> None:
        graph = load_checked(param, weights)
        self._name = str(param)
        outputs = _outputs(graph)
        if len(graph.inputs) != 1 or len(outputs) != 1:
            raise wrong_interface(param, graph.inputs, outputs)
        self._input, self._output = graph.inputs[0], outputs[0]
        del graph  # its weights are not to lie in memory beside ncnn's
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = threads
        options.use_vulkan_compute = device == "gpu"
        options.use_bf16_storage = False
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(options, name, half)
        gpu = vulkan_device() if device == "gpu" else None
        if gpu:
            self._net.set_vulkan_device(gpu.index)
        self.info = RuntimeInfo(
            "ncnn", ncnn.__version__, gpu.name if gpu else cpu_name(), gpu.software if gpu else None
        )
        for load, path in ((self._net.load_param, param), (self._net.load_model, weights)):
            if load(str(path)) != 0:
                raise ArtifactError(f"{path}: ncnn cannot load it")
        if gpu and not options.use_vulkan_compute:  # ncnn takes it back where the device does not work
            raise ZooError(
                f"the Vulkan device {gpu.name} does not work, and a gpu artifact is never run on the CPU "
                "instead: update its driver, or build for the device cpu"
            )

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        return next(self.blobs(image, [self._output]))[1].ravel()

    def step(self, image: NDArray[np.float32]) -> None:
        self._extract(self._extractor(image), self._output)

    def blobs(
        self, image: NDArray[np.float32], names: Sequence[str]
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Named intermediate results for one image, in ncnn's layout, such as (c, h, w).

        `names` must be in the graph's order: a blob is computed when its turn comes and freed, but for the
        one that is yielded, once its reader has run. What is yielded is ncnn's own memory, to be read only.
        """
        extractor = self._extractor(image)
        for name in names:
            yield name, np.asarray(self._extract(extractor, name), dtype=np.float32)

    def seconds(self, image: NDArray[np.float32], names: Sequence[str]) -> list[float]:
        """The time from one blob to the next, for blobs in the graph's order; the first from the image on.

        On the CPU a result stays in the layout that the next layer takes it in, and is let go before that
        one runs, so the sum is that of a whole run. On Vulkan each is waited for and copied to the CPU.
        """
        extractor = self._extractor(image)
        seconds = []
        for name in names:
            start = time.perf_counter()
            self._extract(extractor, name, as_it_is=True)
            seconds.append(time.perf_counter() - start)
        return seconds

    def _extractor(self, image: NDArray[np.float32]) -> Any:
        """An extractor with a copy of the image, for a first layer that works in place writes to it."""
        values = as_input(image)  # a Mat does not keep its array alive, so it needs a name until it is copied
        extractor = self._net.create_extractor()
        extractor.input(self._input, ncnn.Mat(values).clone())
        return extractor

    def _extract(self, extractor: Any, blob: str, as_it_is: bool = False) -> Any:
        output = ncnn.Mat()  # filled in place: the form of extract that returns one copies it first
        code = extractor.extract(blob, output, int(as_it_is))
        if code != 0:
            raise ArtifactError(f"{self._name}: ncnn failed to compute the blob {blob} (code {code})")
        return output


def _outputs(graph: Graph) -> list[str]:
    """The model's outputs as pnnx names them: a blob that nobody reads may be a part that is not used."""
    return [blob for blob in graph.outputs if re.fullmatch(r"out\d+", blob)] or list(graph.outputs)


def load(files: Sequence[Path], device: str, threads: int, precision: str) -> NcnnRunner:
    """See `zoo.runners.open_runner`; `.param` and `.bin`."""
    return NcnnRunner(files[0], files[1], device, threads, half=precision != "fp32")
