"""Where the time of an ncnn model goes: milliseconds of each layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.images.inputs import Shape, random_inputs
from zoo.jobs.isolation import isolated
from zoo.ncnn.graph import Graph, read_param
from zoo.runners.ncnn_runner import NcnnRunner

RUNS = 10
WARM_UP = 2


@dataclass(frozen=True)
class LayerTimes:
    """ms: of each layer by name, in the graph's order, at one thread. device: the hardware's name.

    transfers: whether each includes its share of talking to a GPU, as it does on Vulkan, where what is timed
    is to compute one layer, to wait for it and to copy its result to the CPU; layers that are quick but have
    large results then look slower than they are in a whole run.
    """

    ms: Mapping[str, float]
    device: str
    transfers: bool


def layer_times(
    files: Sequence[Path], shapes: Sequence[Shape], device: str = "cpu", runs: int = RUNS
) -> LayerTimes:
    """The time of each layer of an fp32 model (`.param`, `.bin`) for inputs of these shapes.

    Each is the lower quartile over `runs`, for what else the machine does slows some, of the time between its
    result and that of the layer before, asked for one by one in the graph's order; Input layers, and those
    without outputs, take none. Run in a child
    process: raises ArtifactError if ncnn crashes, and ZooError where there is no such device.
    """
    return isolated(str(files[0]), _layer_times, files, shapes, device, runs)


def _layer_times(files: Sequence[Path], shapes: Sequence[Shape], device: str, runs: int) -> LayerTimes:
    graph = Graph(read_param(files[0]).layers)
    runner = NcnnRunner(files[0], files[1], device, 1, precision="fp32")
    timed = [layer for layer in graph.layers if layer.outputs and layer.type != "Input"]
    blobs = [layer.outputs[0] for layer in timed]
    inputs = random_inputs(shapes)
    for _ in range(WARM_UP):
        runner.seconds(inputs, blobs)
    seconds = np.quantile([runner.seconds(inputs, blobs) for _ in range(runs)], 0.25, axis=0)
    ms = dict.fromkeys((layer.name for layer in graph.layers), 0.0)
    ms |= zip((layer.name for layer in timed), (seconds * 1e3).tolist(), strict=True)
    return LayerTimes(ms, runner.info.device, runner.info.software_gpu is not None)
