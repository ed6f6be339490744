"""Weights as a byte each: places in a codebook of 256 values, which every ncnn expands when it loads a file.

That is weight-only 8-bit: computed in float, with inputs as they are and nothing to calibrate. Values in a
codebook need not be evenly spaced, so each array gets those of least squared error for its own weights.
Format: ncnn `src/modelbin.cpp`, "quantized data"; the tag that caffe2ncnn wrote for 256 levels.
"""

import numpy as np
from numpy.typing import NDArray

from zoo.fp16 import to_fp16
from zoo.ncnn_bin import CODEBOOK_SIZE, Array, Floats, Storage
from zoo.ncnn_graph import Graph, store_floats

Doubles = NDArray[np.float64]

MIN_SIZE = 2048
"""Smaller arrays are stored as fp16: the codebook, 1 KiB, would eat up half of what it saves, or more."""

_POINTS = 4096  # of a sorted array, that its density is told from
_ROUNDS = 200  # it hardly changes after some dozens


def to_w8(graph: Graph) -> Graph:
    """The graph with the tagged fp32 arrays of MIN_SIZE numbers or more in codebooks, the others as fp16.

    Raises ZooError, naming the layer, for a weight that is not finite, or that float16 cannot hold.
    """

    def store(source: Array, _: str) -> Array:
        values = source.floats()
        return encode(values) if values.size >= MIN_SIZE and np.isfinite(values).all() else source

    return to_fp16(store_floats(graph, store))


def encode(values: Floats) -> Array:
    """Flat values, each replaced by the nearest in a codebook for them; exact if at most 256 differ."""
    book = codebook(values)
    places = np.searchsorted((book[1:] + book[:-1]) / 2, values)
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
