"""Small ncnn graphs made by hand, and a way to run them, shared by the tests of the ncnn files."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import ncnn
import numpy as np
from numpy.typing import NDArray

from zoo.ncnn import param_ids
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.check import check_weights, check_wiring, load_checked
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.layer import Layer, Param, is_scale
from zoo.ncnn.layouts import layout
from zoo.quantize.scales import absmax_scales, weight_rows

Draw = Callable[[int], NDArray[np.float32]]


def normal(seed: int = 0) -> Draw:
    generator = np.random.default_rng(seed)
    return lambda size: generator.standard_normal(size).astype(np.float32)


def parameters(kind: str, **named: Param) -> dict[int, Param]:
    """The parameters of a layer by their ids, by ncnn's names for them: `kernel_w=3` gives {1: 3}."""
    ids = getattr(param_ids, kind.removesuffix("1D").removesuffix("3D"))
    return {getattr(ids, name.upper()): value for name, value in named.items()}


def layer(
    kind: str,
    name: str,
    inputs: str,
    outputs: str,
    params: Mapping[int, Param] | None = None,
    draw: Draw | None = None,
    **named: Param,
) -> Layer:
    """A layer with random arrays, fp32 where ncnn wants a tag; blobs are written 'a b'.

    named: its parameters by ncnn's names, see `parameters`; params: more of them by their ids.
    """
    ids = {**(params or {}), **(parameters(kind, **named) if named else {})}
    bare = Layer(kind, name, tuple(inputs.split()), tuple(outputs.split()), ids)
    draw = draw or normal()
    weights = {}
    for spec in layout(bare):
        values = draw(spec.size)
        values = np.abs(values) + 1 if is_scale(spec.role) else values
        values = values.reshape(-1, spec.width) if spec.width else values
        weights[spec.role] = array(values, Storage.FP32 if spec.tagged else spec.untagged)
    return Layer(bare.type, bare.name, bare.inputs, bare.outputs, bare.params, weights)


def small_network(seed: int = 0) -> Graph:
    """3 x 8 x 8 -> convolution -> depthwise beside a Split -> sum -> pool -> inner product of 5."""
    draw = normal(seed)
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer(
                "Convolution",
                "conv",
                "in0",
                "1",
                draw=draw,
                num_output=4,
                kernel_w=3,
                pad_left=1,
                bias_term=1,
                weight_data_size=108,
                activation_type=2,
                activation_params=(0.1,),
            ),
            layer("Split", "split", "1", "2 3"),
            layer(
                "ConvolutionDepthWise",
                "dw",
                "2",
                "4",
                draw=draw,
                num_output=4,
                kernel_w=3,
                pad_left=1,
                bias_term=1,
                weight_data_size=36,
                group=4,
            ),
            layer("BinaryOp", "add", "4 3", "5", op_type=0),
            layer("Pooling", "pool", "5", "6", pooling_type=1, global_pooling=1),
            layer(
                "InnerProduct", "fc", "6", "out0", draw=draw, num_output=5, bias_term=1, weight_data_size=20
            ),
        )
    )


def two_headed(seed: int = 0) -> Graph:
    """An image 3 x 8 x 8 and a vector of 6 in; a map 4 x 8 x 8, and 5 scores that see both, out.

    The scores are the pooled map times a matrix, plus the vector times another.
    """
    draw = normal(seed)
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Input", "in1", "", "in1"),
            layer(
                "Convolution",
                "conv",
                "in0",
                "1",
                draw=draw,
                num_output=4,
                kernel_w=3,
                pad_left=1,
                bias_term=1,
                weight_data_size=108,
            ),
            layer("Split", "split", "1", "2 3"),
            layer("ReLU", "relu", "2", "out0"),
            layer("Pooling", "pool", "3", "4", pooling_type=1, global_pooling=1),
            layer("InnerProduct", "fc", "4", "5", draw=draw, num_output=5, bias_term=1, weight_data_size=20),
            layer("InnerProduct", "side", "in1", "6", draw=draw, num_output=5, weight_data_size=30),
            layer("BinaryOp", "add", "5 6", "out1", op_type=0),
        )
    )


def chain(
    kind: str, params: Mapping[int, Param] | None = None, draw: Draw | None = None, **named: Param
) -> Graph:
    """Input -> one layer `x` of that kind -> out0."""
    return Graph((layer("Input", "in0", "", "in0"), layer(kind, "x", "in0", "out0", params, draw, **named)))


def check_graph(graph: Graph) -> list[str]:
    """The problems of a graph in memory: wiring, names and numbers; empty if it is sound."""
    return check_wiring(graph) + check_weights(graph)


def weight_scales(graph: Graph, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Absmax weight scales of these layers."""
    return {name: absmax_scales(weight_rows(graph[name])) for name in names}


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
