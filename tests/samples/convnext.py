"""A small ConvNeXt in ncnn, made by hand as pnnx writes one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from samples.ncnn import layer, normal
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer, Param
from zoo.ncnn.param_ids import Operation, PermuteOrder, PoolMethod, ReductionOp

WIDTH, SIDE = 16, 8
_L2, _DIV = 8, 3

Draw = Callable[[int], NDArray[np.float32]]


def network(version: int = 1, seed: int = 0) -> Graph:
    """Stem -> two blocks, of 16 channels and of 24, with a downsampling between -> mean -> inner product.

    version: 2 for blocks with GRN. For images (3, 2 SIDE, 2 SIDE), or of other even sizes.
    """
    draw = normal(seed)
    stem = {"kernel_w": 2, "stride_w": 2, "bias_term": 1}
    layers = [
        layer("Input", "in0", "", "in0"),
        _convolution("stem", "in0", "x0", 3, WIDTH, draw, **stem),
        *_block("a", "x0", "x1", WIDTH, version, draw),
        *_norm("down", "x1", "x2", WIDTH, draw),
        _convolution("down", "x2", "x3", WIDTH, 24, draw, **stem),
        *_block("b", "x3", "x4", 24, version, draw),
        layer("Pooling", "pool", "x4", "x5", pooling_type=PoolMethod.AVE, global_pooling=1),
        layer(
            "InnerProduct", "head", "x5", "out0", draw=draw, num_output=5, bias_term=1, weight_data_size=120
        ),
    ]
    return Graph(tuple(layers))


def pictures(count: int, seed: int, side: int = 2 * SIDE) -> list[tuple[str, NDArray[np.float32]]]:
    """Named noise that the network takes, float32 (3, side, side)."""
    draw = normal(seed)
    return [(f"{seed}/{index}", draw(3 * side**2).reshape(3, side, side)) for index in range(count)]


def _convolution(
    name: str, blob: str, to: str, inputs: int, outputs: int, draw: Draw, **named: Param
) -> Layer:
    size = inputs * outputs * int(named.get("kernel_w", 1)) ** 2  # type: ignore[arg-type]
    scaled = lambda count: draw(count) / np.float32((size / outputs) ** 0.5)  # noqa: E731
    values = {"num_output": outputs, "kernel_w": 1, "weight_data_size": size, **named}
    return layer("Convolution", name, blob, to, draw=scaled, **values)


def _norm(name: str, blob: str, to: str, width: int, draw: Draw) -> list[Layer]:
    """A LayerNorm over channels between the Permutes that bring them last, and back."""
    return [
        layer("Permute", f"{name}_last", blob, f"{name}_2", order_type=PermuteOrder.C_W_H),
        layer("LayerNorm", f"{name}_norm", f"{name}_2", f"{name}_3", draw=draw, affine_size=width, eps=1e-6),
        layer("Permute", f"{name}_back", f"{name}_3", to, order_type=PermuteOrder.H_C_W),
    ]


def _block(name: str, blob: str, to: str, width: int, version: int, draw: Draw) -> list[Layer]:
    depthwise = {"kernel_w": 3, "pad_left": 1, "bias_term": 1, "weight_data_size": 9 * width, "group": width}
    of_block = lambda end: f"{name}_{end}"  # noqa: E731
    return [
        layer("Split", of_block("split"), blob, f"{of_block('0')} {of_block('skip')}"),
        layer(
            *("ConvolutionDepthWise", of_block("dw"), of_block("0"), of_block("1")),
            draw=lambda count: draw(count) / np.float32(3),
            **{"num_output": width, **depthwise},
        ),
        *_norm(name, of_block("1"), of_block("4"), width, draw),
        _convolution(of_block("fc1"), of_block("4"), of_block("5"), width, 4 * width, draw, bias_term=1),
        layer("GELU", of_block("gelu"), of_block("5"), of_block("6")),
        *(_grn(name, of_block("6"), of_block("7"), 4 * width, draw) if version == 2 else ()),
        _convolution(
            of_block("fc2"), of_block("7" if version == 2 else "6"), of_block("8"), 4 * width, width, draw
        ),
        layer("BinaryOp", of_block("add"), f"{of_block('8')} {of_block('skip')}", to, op_type=Operation.ADD),
    ]


def _grn(name: str, blob: str, to: str, width: int, draw: Draw) -> list[Layer]:
    """x (1 + weight N), N the L2 norm of a channel over the image over the mean of those of all channels."""
    vector = {"w": 1, "h": 1, "c": width, "load_type": 0}
    over_image = {"operation": _L2, "reduce_all": 0, "axes": (1, 2), "keepdims": 1, "fixbug0": 1}
    over_channels = {
        "operation": ReductionOp.MEAN,
        "reduce_all": 0,
        "axes": (0,),
        "keepdims": 1,
        "fixbug0": 1,
    }
    grn = lambda end: f"{name}_grn_{end}"  # noqa: E731
    return [
        layer("Split", grn("split"), blob, f"{grn('x')} {grn('0')}"),
        layer("MemoryData", grn("weight"), "", grn("w"), draw=draw, **vector),
        layer("Reduction", grn("norm"), grn("0"), grn("1"), **over_image),
        layer("Split", grn("split2"), grn("1"), f"{grn('2')} {grn('3')}"),
        layer("Reduction", grn("mean"), grn("3"), grn("4"), **over_channels),
        layer("BinaryOp", grn("eps"), grn("4"), grn("5"), op_type=Operation.ADD, with_scalar=1, b=1e-6),
        layer("BinaryOp", grn("div"), f"{grn('2')} {grn('5')}", grn("6"), op_type=_DIV),
        layer("BinaryOp", grn("mul"), f"{grn('6')} {grn('w')}", grn("7"), op_type=Operation.MUL),
        layer("BinaryOp", grn("one"), grn("7"), grn("8"), op_type=Operation.ADD, with_scalar=1, b=1.0),
        layer("BinaryOp", grn("scale"), f"{grn('x')} {grn('8')}", to, op_type=Operation.MUL),
    ]
