"""An int8 graph as what tells it from the fp32 graph that it was made from: small, and exact everywhere.

Thresholds, and weights rounded by GPTQ, follow from sums of what a runtime computed in floating point, whose
last bits are the processor's; so they are kept, and not found again. Of an int8 weight its distance from
plain rounding is kept, mostly 0, 1 or -1; of what is the fp32 graph's own, as it is or in fp16, nothing.
Plain rounding here is a product of a few numbers and no sum, so that IEEE 754 says what comes out.
"""

import json
import lzma
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.errors import ZooError
from zoo.ncnn.bin import Array, Storage, array
from zoo.ncnn.fp16 import round_to_fp16, with_subnormals
from zoo.ncnn.graph import Graph, ordered_arrays, source_blob
from zoo.ncnn.group_wise import block_size
from zoo.ncnn.layer import Layer
from zoo.ncnn.layouts import ArraySpec, layout
from zoo.ncnn.param import format_param, parse_param
from zoo.ncnn.weights import LEVELS, QUANTIZABLE
from zoo.quantize.blocks import matrices
from zoo.quantize.forms.linear import linear_rows
from zoo.quantize.scales import weight_rows
from zoo.quantize.smoothing import norm_before

_SAME, _LEVELS = "same", "levels"
_HALVES = {"fp16": round_to_fp16, "subnormal": with_subnormals}
"""The ways in which an array is the fp32 graph's own in fp16."""

_OF_CONVOLUTION = {"B": "weight", "C": "bias"}
"""The roles of a Gemm's arrays, and those that they have in the 1x1 convolution which it was."""

_INT8 = (Storage.INT8, Storage.RAW_INT8)
_DAMAGE = (
    *(lzma.LZMAError, struct.error, LookupError, ValueError, TypeError, AttributeError, StopIteration),
    *(EOFError, RecursionError, ArithmeticError),
)
"""What a damaged file may raise."""

_ROOM = 64 << 20  # bytes that a difference may have beside those of weights


class _Part(NamedTuple):
    """An array of a graph that is read: of which layer, how it is told, and the bytes kept of it."""

    layer: Layer
    spec: ArraySpec
    way: str
    content: bytes


def difference(base: Graph, made: Graph) -> bytes:
    """What `restored` makes `made` of, given `base`. base: fp32; made: of the same model, by a recipe."""
    ways, parts = [], []
    for layer in made.layers:
        for spec, stored in zip(layout(layer), ordered_arrays(layer), strict=True):
            way, content = _told(base, made, layer, spec, stored)
            ways.append(way)
            parts.append(content)
    head = json.dumps({"param": format_param(made.layers, len(made.blobs)), "arrays": ways}).encode()
    return lzma.compress(struct.pack("<I", len(head)) + head + b"".join(parts))


def restored(base: Graph, content: bytes) -> Graph:
    """The graph that a difference to `base` tells. Raises ZooError if it is none, or one to another graph."""
    try:
        decoder = lzma.LZMADecompressor(memlimit=256 << 20)
        data = decoder.decompress(content, _ROOM + 8 * base.parameters)
        if not decoder.eof or decoder.unused_data:
            raise ValueError("it ends too early or too late")
        (size,) = struct.unpack_from("<I", data)
        head = json.loads(data[4 : 4 + size])
        layers = parse_param(head["param"]).layers
        parts = list(_parts(layers, iter(head["arrays"]), data[4 + size :]))
        told = [part for part in parts if part.way != _LEVELS]
        known = _with(layers, {(part.layer.name, part.spec.role): _read(base, part) for part in told})
        levels = {
            (part.layer.name, part.spec.role): _read_levels(base, known, part)
            for part in parts
            if part.way == _LEVELS
        }
        return _with(known.layers, levels)
    except _DAMAGE as error:
        raise ZooError(f"no difference to these fp32 files ({error})") from error


def _told(base: Graph, made: Graph, layer: Layer, spec: ArraySpec, stored: Array) -> tuple[str, bytes]:
    """How an array is told, and the bytes that it takes."""
    own = _own(base, layer, spec)
    if own is not None and own.tobytes() == stored.tobytes():
        return _SAME, b""
    if own is not None and stored.storage is Storage.FP16:
        for way in _HALVES:
            if _halves(own, way).tobytes() == stored.tobytes():
                return way, b""
    if stored.storage in _INT8:
        plain = _rounded(base, made, layer, spec.role)
        if plain is not None and plain.size == stored.values.size:
            return _LEVELS, (stored.values.view(np.uint8) - plain.view(np.uint8)).tobytes()
    if stored.codebook is not None:
        raise ZooError(f"{layer}: {spec.role} is stored in a codebook, which no int8 recipe makes")
    return stored.storage.name, stored.values.tobytes()


def _own(base: Graph, layer: Layer, spec: ArraySpec) -> Array | None:
    """The fp32 graph's own array for that place, if it has one; a Gemm has those of a 1x1 convolution."""
    if layer.name not in base:
        return None
    weights = base[layer.name].weights
    if (base[layer.name].type, layer.type) != ("Convolution", "Gemm"):
        return weights.get(spec.role)
    own = weights.get(_OF_CONVOLUTION.get(spec.role, ""))
    return None if own is None else array(own.floats(), Storage.FP32 if spec.tagged else spec.untagged)


def _parts(layers: tuple[Layer, ...], ways: Iterator[str], data: bytes) -> Iterator[_Part]:
    """The arrays of a difference in their order. Raises ValueError if `data` is too long or too short."""
    position = 0
    for layer in layers:
        for spec in layout(layer):
            way = next(ways, None)
            if way is None:
                raise ValueError(f"it says nothing of {spec.role} of {layer}")
            width = {_SAME: 0, _LEVELS: 1, **dict.fromkeys(_HALVES, 0)}.get(way)
            size = spec.size * (Storage[way].dtype.itemsize if width is None else width)
            if len(data) - position < size:
                raise ValueError(f"it ends within {spec.role} of {layer}")
            yield _Part(layer, spec, way, data[position : position + size])
            position += size
    if position != len(data):
        raise ValueError(f"{len(data) - position} bytes are left over")
    if next(ways, None) is not None:
        raise ValueError("it tells of more arrays than there are")


def _with(layers: tuple[Layer, ...], arrays: dict[tuple[str, str], Array]) -> Graph:
    """The layers with these arrays, by name and role, beside their own."""
    new: dict[str, dict[str, Array]] = {}
    for (name, role), each in arrays.items():
        new.setdefault(name, {})[role] = each
    return Graph(tuple(replace(each, weights={**each.weights, **new.get(each.name, {})}) for each in layers))


def _read(base: Graph, part: _Part) -> Array:
    if part.way not in (_SAME, *_HALVES):
        storage, width = Storage[part.way], part.spec.width
        return Array(np.frombuffer(part.content, storage.dtype), storage, width=width)
    own = _own(base, part.layer, part.spec)
    if own is None:
        raise ValueError(f"the fp32 files have nothing for {part.spec.role} of {part.layer}")
    return own if part.way == _SAME else _halves(own, part.way)


def _halves(own: Array, way: str) -> Array:
    return array(_HALVES[way](own.floats()), Storage.FP16)


def _read_levels(base: Graph, known: Graph, part: _Part) -> Array:
    """known: the graph with all but such arrays."""
    plain = _rounded(base, known, known[part.layer.name], part.spec.role)
    if plain is None:
        raise ValueError(f"there are no weights for {part.spec.role} of {part.layer}")
    levels = np.frombuffer(part.content, np.uint8) + plain.view(np.uint8)
    return Array(levels.view(np.int8), Storage.INT8 if part.spec.tagged else part.spec.untagged)


def _rounded(base: Graph, made: Graph, layer: Layer, role: str) -> NDArray[np.int8] | None:
    """The weights of an int8 layer by plain rounding in its scales, flat; None where these do not tell.

    Of `made` only the wiring, scales and norms are looked at.
    """
    if layer.name not in base:
        return None
    source = base[layer.name]
    if layer.type in QUANTIZABLE and role == "weight":
        rows = linear_rows(source) if source.type == "Gemm" else weight_rows(source)
        scales: Doubles = layer.weights["weight_scales"].values.astype(np.float64)[:, None]
        scaled = rows.astype(np.float64) * scales * _column_units(base, made, layer, rows)
    elif size := block_size(layer):
        stem = role.removesuffix("_weight")
        scaled = _in_blocks(layer, stem, matrices(source)[stem].astype(np.float64), size)
    else:
        return None
    return np.clip(np.rint(scaled), -LEVELS, LEVELS).astype(np.int8).reshape(-1)


def _in_blocks(layer: Layer, stem: str, rows: Doubles, size: int) -> Doubles:
    """Weights (outputs, inputs) in the steps of their blocks."""
    scales = layer.weights[f"{stem}_scales"].values.astype(np.float64).reshape(len(rows), -1)
    scaled: Doubles = rows * np.repeat(scales, size, axis=1)[:, : rows.shape[1]]
    by_input = layer.weights.get(f"{stem}_input_scales")
    return scaled if by_input is None else scaled / by_input.values.astype(np.float64)


def _column_units(base: Graph, made: Graph, layer: Layer, rows: Floats) -> Doubles:
    """What the weights of each column took over from their input, (width,): from a Quantize layer with a
    scale a channel, or a norm that divides."""
    units = np.ones(1)
    before = made.producer(source_blob(made, layer.inputs[0]))
    norm = norm_before(made, layer.name)
    if before is not None and before.type == "Quantize":
        scales = before.weights["scales"].values.astype(np.float64)
        units = scales.min() / scales
    elif norm is not None and norm in base:
        old, new = (graph[norm].weights["gamma"].floats().astype(np.float64) for graph in (base, made))
        units = np.divide(old, new, out=np.ones_like(old), where=new != 0)
    width = rows.shape[1]
    return np.ones(width) if width % units.size else np.repeat(units, width // units.size)
