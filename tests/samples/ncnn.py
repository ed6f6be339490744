"""Small ncnn graphs made by hand, and a way to run them, shared by the tests of the ncnn files."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import ncnn
import numpy as np
from numpy.typing import NDArray

from zoo.ncnn.bin import Storage, array
from zoo.ncnn.check import load_checked
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.layer import Layer, Param, is_scale
from zoo.ncnn.layouts import layout

Draw = Callable[[int], NDArray[np.float32]]


def normal(seed: int = 0) -> Draw:
    generator = np.random.default_rng(seed)
    return lambda size: generator.standard_normal(size).astype(np.float32)


def layer(
    kind: str, name: str, inputs: str, outputs: str, params: Mapping[int, Param], draw: Draw | None = None
) -> Layer:
    """A layer with random arrays, fp32 where ncnn wants a tag; blobs are written 'a b'."""
    bare = Layer(kind, name, tuple(inputs.split()), tuple(outputs.split()), dict(params))
    draw = draw or normal()
    weights = {}
    for spec in layout(bare):
        values = draw(spec.size)
        values = np.abs(values) + 1 if is_scale(spec.role) else values
        weights[spec.role] = array(values, Storage.FP32 if spec.tagged else spec.untagged)
    return Layer(bare.type, bare.name, bare.inputs, bare.outputs, bare.params, weights)


def small_network(seed: int = 0) -> Graph:
    """3 x 8 x 8 -> convolution -> depthwise beside a Split -> sum -> pool -> inner product of 5."""
    draw = normal(seed)
    return Graph(
        (
            layer("Input", "in0", "", "in0", {}),
            layer(
                "Convolution",
                "conv",
                "in0",
                "1",
                {0: 4, 1: 3, 4: 1, 5: 1, 6: 108, 9: 2, 10: (0.1,)},
                draw,
            ),
            layer("Split", "split", "1", "2 3", {}),
            layer("ConvolutionDepthWise", "dw", "2", "4", {0: 4, 1: 3, 4: 1, 5: 1, 6: 36, 7: 4}, draw),
            layer("BinaryOp", "add", "4 3", "5", {0: 0}),
            layer("Pooling", "pool", "5", "6", {0: 1, 4: 1}),
            layer("InnerProduct", "fc", "6", "out0", {0: 5, 1: 1, 2: 20}, draw),
        )
    )


def two_headed(seed: int = 0) -> Graph:
    """An image 3 x 8 x 8 and a vector of 6 in; a map 4 x 8 x 8, and 5 scores that see both, out.

    The scores are the pooled map times a matrix, plus the vector times another.
    """
    draw = normal(seed)
    return Graph(
        (
            layer("Input", "in0", "", "in0", {}),
            layer("Input", "in1", "", "in1", {}),
            layer("Convolution", "conv", "in0", "1", {0: 4, 1: 3, 4: 1, 5: 1, 6: 108}, draw),
            layer("Split", "split", "1", "2 3", {}),
            layer("ReLU", "relu", "2", "out0", {}),
            layer("Pooling", "pool", "3", "4", {0: 1, 4: 1}),
            layer("InnerProduct", "fc", "4", "5", {0: 5, 1: 1, 2: 20}, draw),
            layer("InnerProduct", "side", "in1", "6", {0: 5, 2: 30}, draw),
            layer("BinaryOp", "add", "5 6", "out1", {0: 0}),
        )
    )


def chain(kind: str, params: Mapping[int, Param], draw: Draw | None = None) -> Graph:
    """Input -> one layer `x` of that kind -> out0."""
    return Graph((layer("Input", "in0", "", "in0", {}), layer(kind, "x", "in0", "out0", params, draw)))


def fed(
    pictures: Iterable[tuple[str, NDArray[np.float32]]],
) -> list[tuple[str, tuple[NDArray[np.float32]]]]:
    """Named pictures as they are fed to a model of one input."""
    return [(name, (picture,)) for name, picture in pictures]


def run(graph: Graph, image: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:
    """What ncnn's fp32 CPU path makes of one input (without batch)."""
    pair = folder / "run.param", folder / "run.bin"
    write_graph(graph, *pair)
    load_checked(*pair)
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    assert net.load_param(str(pair[0])) == 0
    assert net.load_model(str(pair[1])) == 0
    with net.create_extractor() as extractor:
        assert extractor.input("in0", ncnn.Mat(np.ascontiguousarray(image)).clone()) == 0
        status, output = extractor.extract("out0")
        assert status == 0
        return np.array(output)
