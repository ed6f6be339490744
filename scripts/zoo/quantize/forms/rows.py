"""A block's 1x1 convolutions behind a LayerNorm, as in ConvNeXt, as Gemm on rows: one pixel a row.

pnnx writes such a block as Permute, LayerNorm, Permute back, Convolution, GELU, Convolution. Between the
two Permutes it is in rows already. Here it stays so to the end: Permute, Reshape to (pixels, channels),
LayerNorm, Gemm, GELU, Gemm, and one transposition back, which the last Gemm does as it writes. What may stand
between the convolutions computes each pixel by itself, or, as ConvNeXt V2's GRN does, over all pixels or all
channels. The Reshape back takes its sizes from the blob that the block reads, so the form holds for images of
every size.

A Gemm can have weights in blocks (see `zoo.quantize.blocks`), a convolution cannot. Only for a CPU.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer, Param
from zoo.ncnn.param_ids import (
    BinaryOp,
    Convolution,
    LayerNorm,
    MemoryData,
    Permute,
    PermuteOrder,
    Reduction,
    Reshape,
)
from zoo.quantize.forms.columns import gemm_for, window
from zoo.quantize.forms.linear import POINTWISE, transposition_names

_PLANES = frozenset({1, 2})  # the axes of a Reduction over all pixels of (channels, h, w); 0 is the channels
_IN_ROWS = {frozenset({0}): (1,), _PLANES: (0,), frozenset({0, *_PLANES}): (0, 1)}
_TO_ROWS, _LIKE_INPUT = "0w,-1", "1w,1h,0h"


@dataclass(frozen=True)
class Rows:
    """Where a graph can compute on rows. permute, norm: the layers before, by name; back: the Permute that
    falls away; layers: those between, in order, the last a convolution; convolutions: those among them."""

    permute: str
    norm: str
    back: str
    layers: tuple[str, ...]
    convolutions: tuple[str, ...]


def find_rows(graph: Graph) -> tuple[Rows, ...]:
    """The places of a float graph where convolutions can be Gemm on rows, in order."""
    found = (_rows_behind(graph, norm) for norm in graph.of_type("LayerNorm"))
    return tuple(each for each in found if each is not None)


def convolutions_on_rows(graph: Graph) -> dict[str, Rows]:
    """The convolutions that can be Gemm on rows, by name, and where they are."""
    return {name: place for place in find_rows(graph) for name in place.convolutions}


def as_rows(graph: Graph, names: Collection[str]) -> Graph:
    """The graph with these convolutions, and those of the same places, as Gemm on rows; it computes the same,
    to rounding. Names for which there is no place are left alone.

    The Gemm layers keep the names of the convolutions; a blob that stays in rows gets another, as it has
    another shape.
    """
    for place in find_rows(graph):
        if not set(names).isdisjoint(place.convolutions):
            graph = _in_rows(graph, place)
    return graph


def _rows_behind(graph: Graph, norm: Layer) -> Rows | None:
    permute, readers = graph.producer(norm.inputs[0]), graph.consumers(norm.outputs[0])
    if permute is None or len(readers) != 1:
        return None
    (back,) = readers
    orders = [each.param(Permute.ORDER_TYPE) if each.type == "Permute" else None for each in (permute, back)]
    if orders != [PermuteOrder.C_W_H, PermuteOrder.H_C_W] or not norm.param(LayerNorm.AFFINE_SIZE):
        return None
    layers = _to_last_convolution(_reachable(graph, back.outputs[0]))
    names = {layer.name for layer in layers}
    made = {blob for layer in layers for blob in layer.outputs}
    left = {blob for blob in made if any(each.name not in names for each in graph.consumers(blob))}
    left |= {blob for blob in made if not graph.consumers(blob)}
    if not layers or left != set(layers[-1].outputs):
        return None
    convolutions = tuple(layer.name for layer in layers if layer.type == "Convolution")
    return Rows(permute.name, norm.name, back.name, tuple(layer.name for layer in layers), convolutions)


def _reachable(graph: Graph, start: str) -> list[Layer]:
    """The layers that can compute on rows, of those that read nothing but the blob `start` and what these
    make of it; vectors by channel that they read are among them."""
    inside, vectors = {start}, {}
    layers: list[Layer] = []
    for layer in graph.layers:
        if _is_vector(layer):
            vectors[layer.outputs[0]] = layer
        given = [blob for blob in layer.inputs if blob in vectors]
        if inside.isdisjoint(layer.inputs) or not {*layer.inputs} <= {*inside, *given}:
            continue
        if _can_be_in_rows(layer):
            layers += [*(vectors[blob] for blob in given), layer]
            inside |= {*layer.outputs}
    return layers


def _to_last_convolution(layers: list[Layer]) -> list[Layer]:
    """Those of the layers that a convolution among them needs, itself included."""
    needed: set[str] = set()
    kept = []
    for layer in reversed(layers):
        if layer.type == "Convolution" or not needed.isdisjoint(layer.outputs):
            kept.append(layer)
            needed |= {*layer.inputs}
    return kept[::-1]


def _is_vector(layer: Layer) -> bool:
    """Whether a layer is a constant of one number a channel."""
    if layer.type != "MemoryData" or not layer.param(MemoryData.C):
        return False
    return [layer.param(size) for size in (MemoryData.W, MemoryData.H, MemoryData.D)] == [1, 1, 0]


def _can_be_in_rows(layer: Layer) -> bool:
    if layer.type == "Convolution":
        return window(layer) == 1 and not layer.param(Convolution.ACTIVATION_TYPE)
    if layer.type == "BinaryOp":
        return len(layer.inputs) == 2 or bool(layer.param(BinaryOp.WITH_SCALAR))
    if layer.type == "Reduction":
        return bool(layer.param(Reduction.KEEPDIMS)) and _axes(layer) in _IN_ROWS
    return layer.type in (*POINTWISE, "Split")


def _axes(layer: Layer) -> frozenset[int]:
    """The axes that a Reduction of (channels, h, w) takes together."""
    if layer.param(Reduction.REDUCE_ALL, 1):
        return frozenset({0, *_PLANES})
    axes = layer.params.get(Reduction.AXES, ())
    return frozenset(int(axis) % 3 for axis in axes) if isinstance(axes, tuple) else frozenset()


def _in_rows(graph: Graph, place: Rows) -> Graph:
    inner = [graph[name] for name in place.layers]
    *_, last = inner
    rows = {blob: f"{blob}_rows" for layer in (graph[place.norm], *inner) for blob in layer.outputs}
    rows[graph[place.back].outputs[0]] = rows[graph[place.norm].outputs[0]]
    layers: list[Layer] = []
    for layer in graph.layers:
        if layer.name == place.permute:
            layers += _enter(layer, place.convolutions[0])
        elif layer.name == place.norm:
            layers.append(replace(layer, inputs=layers[-1].outputs, outputs=(rows[layer.outputs[0]],)))
        elif layer.name in place.layers:
            layers.append(_on_rows(layer, rows))
            if layer is last:
                shape = f"{place.convolutions[0]}_in_1"
                layers += _leave(layer, rows[layer.outputs[0]], shape)
        elif layer.name != place.back:
            layers.append(layer)
    return Graph(tuple(layers))


def _enter(permute: Layer, name: str) -> Iterator[Layer]:
    """The Permute and a Reshape to rows; and a copy of what it reads, which keeps the sizes of the image."""
    copies = f"{name}_in_0", f"{name}_in_1"
    reshape = f"{name}_in_reshape"
    yield Layer("Split", f"{name}_in_split", permute.inputs, copies)
    yield replace(permute, inputs=copies[:1])
    yield Layer("Reshape", reshape, permute.outputs, (reshape,), {Reshape.SHAPE_EXPR: _TO_ROWS})


def _leave(last: Layer, blob: str, shape: str) -> Iterator[Layer]:
    """Rows as (channels, h, w) again, as in the blob `shape`."""
    _, _, reshape, permute = transposition_names(last.name)
    yield Layer("Permute", permute, (blob,), (permute,), {Permute.ORDER_TYPE: PermuteOrder.H_W})
    yield Layer("Reshape", reshape, (permute, shape), last.outputs, {Reshape.SHAPE_EXPR: _LIKE_INPUT})


def _on_rows(layer: Layer, names: Mapping[str, str]) -> Layer:
    inputs, outputs = (
        tuple(names.get(blob, blob) for blob in blobs) for blobs in (layer.inputs, layer.outputs)
    )
    if layer.type == "Convolution":
        return replace(gemm_for(layer), inputs=inputs, outputs=outputs)
    changed: dict[int, Param] = {}
    if layer.type == "MemoryData":
        changed = {MemoryData.W: layer.param(MemoryData.C), MemoryData.C: 0}
    elif layer.type == "Reduction" and not layer.param(Reduction.REDUCE_ALL, 1):
        changed = {Reduction.AXES: _IN_ROWS[_axes(layer)]}
    params = {**layer.params, **changed}
    return replace(layer, inputs=inputs, outputs=outputs, params=params)
