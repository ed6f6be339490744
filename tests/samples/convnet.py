"""A small convolutional network that has each kind of layer which quantization treats in its own way."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samples.ncnn import fed, layer, normal, run
from zoo.calibration.collect import collect
from zoo.calibration.statistics import CalibrationStatistics
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.param_ids import FusedActivation, PoolMethod
from zoo.runners.ncnn_runner import NcnnRunner


def network() -> Graph:
    """Convolution with ReLU6 -> depthwise with ReLU6 -> 1x1 -> GELU -> 1x1 -> mean -> inner product."""
    draw = normal(0)
    relu6 = {"activation_type": FusedActivation.CLIP, "activation_params": (0.0, 6.0)}
    window = {"kernel_w": 3, "pad_left": 1, "bias_term": 1, **relu6}
    stem = {"num_output": 8, "stride_w": 2, "weight_data_size": 216, **window}
    depthwise = {"num_output": 8, "weight_data_size": 72, "group": 8, **window}
    wide = {"num_output": 32, "kernel_w": 1, "bias_term": 1, "weight_data_size": 256}
    narrow = {"num_output": 16, "kernel_w": 1, "bias_term": 0, "weight_data_size": 512}
    head = {"num_output": 5, "bias_term": 1, "weight_data_size": 80}
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Convolution", "stem", "in0", "1", draw=draw, **stem),
            layer("ConvolutionDepthWise", "dw", "1", "2", draw=draw, **depthwise),
            layer("Convolution", "fc1", "2", "3", draw=draw, **wide),
            layer("GELU", "gelu", "3", "4"),
            layer("Convolution", "fc2", "4", "5", draw=draw, **narrow),
            layer("Pooling", "pool", "5", "6", pooling_type=PoolMethod.AVE, global_pooling=1),
            layer("InnerProduct", "head", "6", "out0", draw=draw, **head),
        )
    )


def pictures(count: int, seed: int) -> list[tuple[str, NDArray[np.float32]]]:
    """Named noise that the network takes, float32 (3, 16, 16)."""
    draw = normal(seed)
    return [(f"{seed}/{index}", draw(3 * 16 * 16).reshape(3, 16, 16)) for index in range(count)]


def statistics_of(
    graph: Graph, images: list[tuple[str, NDArray[np.float32]]], folder: Path
) -> CalibrationStatistics:
    """Calibration statistics of a graph over these images; its files are written to `folder`."""
    files = folder / "fp32.param", folder / "fp32.bin"
    write_graph(graph, *files)
    return collect(graph, NcnnRunner(*files, "cpu", 1, precision="fp32"), fed(images))


def distance(graph: Graph, folder: Path, device: str = "cpu") -> float:
    """SQNR in dB of a quantized graph's outputs to those of `network()`, on images of their own."""
    images = [image for _, image in pictures(12, 2)]
    write_graph(graph, folder / "int8.param", folder / "int8.bin")
    runner = NcnnRunner(folder / "int8.param", folder / "int8.bin", device, 1, precision="fp32")
    exact = np.stack([run(network(), image, folder) for image in images])
    return sqnr_db(exact, np.stack([runner.run((image,))[0] for image in images]))
