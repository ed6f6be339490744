"""A convolution whose windows tile the image, as a Gemm on columns: one window a column.

Such are 1x1 convolutions, the downsampling ones of ConvNeXt, and stems that cut an image into patches. A
Reorg brings the values of a window into channels, in the order of the weights, and a Reshape all windows side
by side. The Gemm reads and writes transposed, so that no blob is. What a window at the edge lacks, a
convolution leaves out and so does a Reorg: the form holds for images of every size. Only for a CPU.

A Gemm can have weights in blocks (see `zoo.quantize.blocks`), a convolution cannot.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer, Param
from zoo.ncnn.param_ids import (
    AnyLayer,
    Clip,
    Convolution,
    FusedActivation,
    Gemm,
    Permute,
    PermuteOrder,
    Reorg,
    Reshape,
)
from zoo.quantize.forms.linear import gemm_of, transposition_names
from zoo.quantize.scales import weight_rows

_TO_COLUMNS, _LIKE_INPUT = "-1,0c", "1w,1h,0h"
_ACTIVATIONS = (0, FusedActivation.RELU, FusedActivation.CLIP)
_TURN = {Permute.ORDER_TYPE: PermuteOrder.H_W}


def window(layer: Layer) -> int:
    """The side of a float convolution's square windows if they tile the image; else 0."""
    if layer.type != "Convolution" or "weight" not in layer.weights:
        return 0
    side = layer.param(Convolution.KERNEL_W)
    sides = (
        layer.param(Convolution.KERNEL_H, side),
        stride := layer.param(Convolution.STRIDE_W, 1),
        layer.param(Convolution.STRIDE_H, stride),
    )
    others = (
        *(Convolution.PAD_LEFT, Convolution.PAD_TOP, Convolution.PAD_RIGHT, Convolution.PAD_BOTTOM),
        Convolution.INT8_SCALE_TERM,
    )
    dilated = side > 1 and any(
        layer.param(each, 1) != 1 for each in (Convolution.DILATION_W, Convolution.DILATION_H)
    )
    return side if set(sides) == {side} and not dilated and not any(map(layer.param, others)) else 0


def can_be_columns(layer: Layer) -> bool:
    """Whether a layer is a convolution that can be a Gemm on columns."""
    return window(layer) > 0 and layer.param(Convolution.ACTIVATION_TYPE) in _ACTIVATIONS


def fits_columns(layer: Layer, statistics: CalibrationStatistics) -> bool:
    """Whether a layer can be a Gemm on columns and reads more than one window an image.

    What a global pooling makes is a vector to ncnn, whose Convolution takes it for one pixel; a Reshape does
    not, so the form does not hold there.
    """
    seen = statistics.columns.get(layer.name)
    return can_be_columns(layer) and seen is not None and seen.count > statistics.images


def gemm_for(convolution: Layer) -> Layer:
    """A Gemm, not wired yet, of a convolution's weights, bias and mask, for a row or a column a window."""
    gemm = gemm_of(convolution.name, weight_rows(convolution), convolution.weights.get("bias"))
    mask = {key: value for key, value in convolution.params.items() if key == AnyLayer.FEATURE_MASK}
    return replace(gemm, params={**gemm.params, **mask})


def as_columns(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with these convolutions as Gemm on columns; it computes the same, to rounding.

    They keep their names. Between their Reshape layers and them stand Permute layers, which
    `merge_transpositions` takes away. Names of other layers, see `can_be_columns`, are left alone.
    """
    layers: list[Layer] = []
    for layer in graph.layers:
        chosen = layer.name in names and can_be_columns(layer)
        layers += _on_columns(layer) if chosen else [layer]
    return Graph(tuple(layers))


def merge_transpositions(graph: Graph, names: Iterable[str]) -> Graph:
    """The graph in which those of the Gemm layers that a Permute precedes or follows, as `as_columns` and
    `zoo.quantize.forms.rows.as_rows` put them, read or write transposed instead; it computes the same."""
    before, after = {}, {}
    for name in names:
        into, _, _, out_of = transposition_names(name)
        if into in graph:
            before[name] = graph[into]
        if out_of in graph:
            after[name] = graph[out_of]
    merged = {layer.name for layer in (*before.values(), *after.values())}
    layers = []
    for layer in graph.layers:
        if layer.name in before:
            params = {**layer.params, Gemm.TRANS_A: 1}
            layer = replace(layer, params=params, inputs=before[layer.name].inputs)
        if layer.name in after:
            params = {**layer.params, Gemm.OUTPUT_TRANSPOSE: 1}
            layer = replace(layer, params=params, outputs=after[layer.name].outputs)
        if layer.name not in merged:
            layers.append(layer)
    return Graph(tuple(layers))


def _on_columns(layer: Layer) -> Iterator[Layer]:
    name, side, blobs = layer.name, window(layer), layer.inputs
    copies = f"{name}_in_0", f"{name}_in_1"
    into, flat, back, out_of = transposition_names(name)
    made = f"{name}_made"
    activation = _activation(layer)
    if side > 1:
        yield Layer("Reorg", f"{name}_in_reorg", blobs, (f"{name}_in_reorg",), {Reorg.STRIDE: side})
        blobs = (f"{name}_in_reorg",)
    yield Layer("Split", f"{name}_in_split", blobs, copies)
    yield Layer("Reshape", flat, copies[:1], (flat,), {Reshape.SHAPE_EXPR: _TO_COLUMNS})
    yield Layer("Permute", into, (flat,), (into,), _TURN)
    yield replace(gemm_for(layer), inputs=(into,), outputs=(made,))
    yield Layer("Permute", out_of, (made,), (out_of,), _TURN)
    outputs = (f"{name}_linear",) if activation else layer.outputs
    yield Layer("Reshape", back, (out_of, copies[1]), outputs, {Reshape.SHAPE_EXPR: _LIKE_INPUT})
    if activation:
        yield replace(activation, inputs=outputs, outputs=layer.outputs)


def _activation(layer: Layer) -> Layer | None:
    """What ncnn fused into a convolution, as a layer that is not wired yet."""
    kind, params = layer.param(Convolution.ACTIVATION_TYPE), layer.params.get(Convolution.ACTIVATION_PARAMS)
    if not kind:
        return None
    limits: dict[int, Param] = {}
    if kind == FusedActivation.CLIP and isinstance(params, tuple):
        limits = {Clip.MIN: float(params[0]), Clip.MAX: float(params[1])}
    return Layer("Clip" if limits else "ReLU", f"{layer.name}_activation", (), (), limits)
