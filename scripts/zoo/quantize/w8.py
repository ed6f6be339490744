"""Weight-only 8-bit by Lloyd-Max codebooks: a byte a weight, its place among 256 values of the array's own.

Every ncnn expands them when it loads a file; inputs stay float, and so does what is computed. The values need
not be evenly spaced, so each array gets those of least squared error for its own weights. Calibration
statistics say in which directions rounding hurts (see `gptq`); what that brings: docs/precisions.md.
Format: ncnn `src/modelbin.cpp`, "quantized data".
"""

from collections.abc import Collection

import numpy as np

from zoo.array_types import Doubles, Floats
from zoo.calibration.attention import projection_name
from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.bin import CODEBOOK_SIZE, Array, Storage
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.graph import Graph, store_floats
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Gemm
from zoo.ncnn.weights import row_width
from zoo.quantize.gptq import round_columns

MIN_SIZE = 4096
"""Smaller arrays are stored as fp16: of what a codebook saves, itself, 1 KiB, would eat up a quarter."""

_POINTS = 4096  # of a sorted array, of which its density is estimated
_ROUNDS = 200  # it hardly changes after some dozens

_MEET_INPUT = ("weight", "B", "q_weight", "k_weight", "v_weight")


def to_w8(graph: Graph, statistics: CalibrationStatistics) -> Graph:
    """The graph with large fp32 arrays in codebooks, all others that have a tag as fp16.

    Depthwise weights are among the others: they are few, and errors in them can make up for no other.
    Raises ZooError if the statistics are of another model, and, naming the layer, for a weight that is not
    finite or that float16 cannot hold.
    """
    statistics.check(graph)
    return with_codebooks(graph, statistics)


def with_codebooks(
    graph: Graph, statistics: CalibrationStatistics, layers: Collection[str] | None = None
) -> Graph:
    """The same without a look at whose statistics they are. layers: the names of those to store so; None for
    all."""

    def store(source: Array, layer: Layer, role: str) -> Array:
        values = source.floats()
        fit = values.size >= MIN_SIZE and "DepthWise" not in layer.type and np.isfinite(values).all()
        return encode(values, _moments(statistics, layer, role)) if fit else source

    return to_fp16(store_floats(graph, store, layers), layers)


def share(graph: Graph) -> float:
    """The share, 0 to 1, of all stored numbers that lie in codebooks."""
    arrays = [array for layer in graph.layers for array in layer.weights.values()]
    inside = sum(array.values.size for array in arrays if array.storage is Storage.CODEBOOK)
    return inside / max(sum(array.values.size for array in arrays), 1)


def _moments(statistics: CalibrationStatistics, layer: Layer, role: str) -> Floats | None:
    """E x x^T of what the rows of a weight matrix are multiplied with; None if that is not known."""
    if role == "out_weight":
        seen = statistics.columns.get(projection_name(layer.name))
        return None if seen is None else seen.second_moment
    rows_of_inputs = layer.type == "Gemm" and not layer.param(Gemm.TRANS_B)  # else they are of outputs
    if role not in _MEET_INPUT or rows_of_inputs or layer.name not in statistics.columns:
        return None
    moments = statistics.columns[layer.name].second_moment
    return moments if moments is not None and len(moments) == row_width(layer) else None


def encode(values: Floats, moments: Floats | None = None) -> Array:
    """Flat values, each replaced by one in a codebook for them; exact if at most 256 differ.

    moments: E x x^T, (width, width), of the input of weights (outputs, width), to round by GPTQ; None to take
    the nearest.
    """
    book = codebook(values)
    edges = (book[1:] + book[:-1]) / 2
    if moments is not None:
        rows = values.reshape(-1, len(moments)).astype(np.float64)
        rounded = round_columns(
            rows, moments.astype(np.float64), lambda column, _: book[np.searchsorted(edges, column)]
        )
        places = np.searchsorted(edges, rounded.ravel())
    else:
        places = np.searchsorted(edges, values)
    return Array(places.astype(np.uint8), Storage.CODEBOOK, codebook=book.astype(np.float32))


def codebook(values: Floats) -> Doubles:
    """256 ascending values, (256,), such that the nearest to each of `values` (n,) is near by squares.

    Of a local optimum: each is the mean of what it is nearest to. Sources: Lloyd, "Least squares
    quantization in PCM", 1982; the start by Panter and Dite, "Quantization distortion in pulse-count
    modulation with nonuniform spacing of levels", 1951: as dense as the cube root of the values' density.
    """
    distinct = np.unique(values).astype(np.float64)
    if distinct.size <= CODEBOOK_SIZE:
        return np.pad(distinct, (0, CODEBOOK_SIZE - distinct.size), mode="edge")
    ordered = np.sort(values).astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(ordered)])
    book = _start(ordered)
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(ordered, (book[1:] + book[:-1]) / 2)
        edges = np.concatenate([[0], cuts, [ordered.size]])
        counts = np.diff(edges)
        means = np.where(counts > 0, np.diff(total[edges]) / np.maximum(counts, 1), book)
        if np.array_equal(means, book):
            break
        book = means
    return book


def _start(ordered: Doubles) -> Doubles:
    points = ordered[np.linspace(0, ordered.size - 1, min(ordered.size, _POINTS)).astype(np.int64)]
    # between two points lies the same number n of values, so density^(1/3) dx is (n / dx)^(1/3) dx
    reached = np.concatenate([[0.0], np.cumsum(np.diff(points) ** (2 / 3))])
    shares = (np.arange(CODEBOOK_SIZE) + 0.5) / CODEBOOK_SIZE
    start: Doubles = np.interp(shares * reached[-1], reached, points)
    return start
