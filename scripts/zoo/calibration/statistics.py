"""Calibration statistics: what one pass over the calibration images tells about each layer's input.

Everything is kept so that the statistics of two sets of images give those of both: no later stage runs the
model again, and several jobs can each collect a share.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.calibration.histogram import Histogram
from zoo.errors import ZooError
from zoo.jobs.arrays import read_arrays, write_arrays
from zoo.ncnn.graph import Graph
from zoo.ncnn.layer import Layer
from zoo.ncnn.weights import can_be_int8, row_width

# |x| of a blob: 1024 bins an octave are 8 a quantization step or more at any threshold; of a channel: 16.
BLOB_BINS, CHANNEL_BINS = (10, 16), (4, 8)

SAMPLE_SIZE = 1 << 19
"""A layer's sample holds at most this many numbers, 2 MiB, but 64 to 512 columns in any case."""


@dataclass(frozen=True, eq=False)
class InputStatistics:
    """What was seen of a blob that layers read, channel by channel.

    absmax: the largest |x|, float32 (channels,), over all images and positions. mean: float64 (channels,),
    likewise; every image counts the same.
    peak_mean, peak_square: float64 (channels,): means over the images of an image's own largest |x| and of
    its square; what extreme value distributions are fitted to.
    blob, channels: histograms of |x| at sampled pixels, of the blob (one row) and of each channel.
    halves: absmax over either half of the images, float32 (2, channels); see `half`.
    """

    absmax: Floats
    mean: Doubles
    peak_mean: Doubles
    peak_square: Doubles
    blob: Histogram
    channels: Histogram
    halves: Floats


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What was seen of the columns that a layer's weights are multiplied with, see `zoo.calibration.columns`.

    count: how many columns were sampled. total: float64 (width,), their sum.
    products: float32 (width, width), the sum of x x^T; None for columns too wide for it.
    sample: float32 (n, width), some of the columns, drawn with the same probability each, by ascending
    priority: uint64 (n,). Row i of two samples is of the same image and pixel if the priority is the same;
    its lowest bit is the half of the images that the row is of.
    """

    count: int
    total: Doubles
    products: Floats | None
    sample: Floats
    priority: NDArray[np.uint64]

    @property
    def mean(self) -> Floats:
        """E[x], float32 (width,)."""
        return (self.total / self.count).astype(np.float32)

    @property
    def second_moment(self) -> Floats | None:
        """E[x x^T], float32 (width, width), or None if the columns are too wide for it."""
        return None if self.products is None else self.products / np.float32(self.count)


@dataclass(frozen=True, eq=False)
class CalibrationStatistics:
    """The statistics of one model over a set of images.

    images: how many were seen. inputs: by the name of each layer that could be int8; layers that read the
    same blob share an object. columns: by layer name, for those that multiply columns (not depthwise).
    fingerprint: of the model's graph; None if unknown. pixels: how many columns an image gives at most.
    seed: what they were drawn with. Of attention there are columns of what its last projection reads, too,
    see `zoo.calibration.attention`.
    """

    images: int
    inputs: Mapping[str, InputStatistics]
    columns: Mapping[str, ColumnStatistics]
    fingerprint: str | None = None
    pixels: int = 0
    seed: int = 0

    def absmax(self, layer: str) -> float:
        """The largest absolute value of a layer's input."""
        return float(self.inputs[layer].absmax.max())

    def moments(self, columns: str) -> Doubles | None:
        """E x x^T of these columns, float64 (width, width); None if they were not seen, or are too wide."""
        seen = self.columns.get(columns)
        moments = None if seen is None else seen.second_moment
        return None if moments is None else moments.astype(np.float64)

    def on_rows(self, layer: Layer) -> bool:
        """Whether the input of a Gemm, InnerProduct or attention is rows of features, not one vector."""
        seen = self.columns.get(layer.name)
        return layer.type != "InnerProduct" or (seen is not None and seen.count > self.images)

    def check(self, graph: Graph) -> None:
        """Raise ZooError unless the statistics are of this fp32 model, weights included."""
        if strange := [name for name in self.inputs if name not in graph]:
            raise ZooError(f"the calibration statistics are of another model: it has no layer {strange[0]}")
        for layer in filter(can_be_int8, graph.layers):
            if layer.name not in self.inputs:
                raise ZooError(f"the calibration statistics are of another model: they lack {layer}")
            # pnnx gives the layers of all models the same names; their sizes tell models apart
            channels, width = self.inputs[layer.name].absmax.size, row_width(layer)
            if layer.type != "ConvolutionDepthWise" and width % channels:
                raise ZooError(
                    f"the calibration statistics are of another model: they have {channels} input channels "
                    f"for {layer}, which has {width} weights per output channel"
                )
        if self.fingerprint is not None and self.fingerprint != graph.fingerprint():
            raise ZooError(
                "the calibration statistics were collected with other weights than the model's; collect them "
                "again"
            )

    def save(self, path: str | Path) -> None:
        """Write as .npz."""
        inputs, columns = _numbered(self.inputs), _numbered(self.columns)
        meta = {
            "images": self.images,
            "inputs": {name: inputs[id(each)] for name, each in self.inputs.items()},
            "columns": {name: columns[id(each)] for name, each in self.columns.items()},
            "fingerprint": self.fingerprint,
            "pixels": self.pixels,
            "seed": self.seed,
        }
        arrays: dict[str, NDArray[Any]] = {"meta": np.array(json.dumps(meta))}
        for each in self.inputs.values():
            arrays |= _input_arrays(each, f"input{inputs[id(each)]}")
        for column in self.columns.values():
            arrays |= _column_arrays(column, f"columns{columns[id(column)]}")
        write_arrays(arrays, path)

    @classmethod
    def load(cls, path: str | Path) -> "CalibrationStatistics":
        """The inverse of `save`. Raises ZooError if the file is not such a file."""
        arrays = read_arrays(path)
        try:
            meta = json.loads(str(arrays.pop("meta")))
            if any(each.dtype.kind not in "iuf" for each in arrays.values()):
                raise ValueError
            inputs = {each: _input(arrays, f"input{each}") for each in set(meta["inputs"].values())}
            columns = {each: _columns(arrays, f"columns{each}") for each in set(meta["columns"].values())}
            return cls(
                meta["images"],
                {name: inputs[number] for name, number in meta["inputs"].items()},
                {name: columns[number] for name, number in meta["columns"].items()},
                meta["fingerprint"],
                meta["pixels"],
                meta["seed"],
            )
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError) as error:
            raise ZooError(
                f"{path}: not calibration statistics as this version keeps them; delete it to have them "
                "collected again"
            ) from error


def half(image: str) -> int:
    """0 or 1: which half of the images one belongs to, by its name.

    What is chosen by the ranges of one half is tried on the other, as new images will try it. Crops of one
    photograph have its name: they are in the same half, for they are too alike to try anything.
    """
    return hashlib.sha256(image.encode()).digest()[0] & 1


def merge(first: CalibrationStatistics, second: CalibrationStatistics) -> CalibrationStatistics:
    """The statistics of both sets of images: what one pass over all of them would give.

    Exactly so for absmax, histograms and samples; means and products to the rounding of their sums.
    Raises ZooError if the two are of different models or were collected in different ways.
    """
    for what, one, other in (
        ("models", first.fingerprint, second.fingerprint),
        ("layers", list(first.inputs), list(second.inputs)),
        ("layers", list(first.columns), list(second.columns)),
        ("numbers of pixels an image", first.pixels, second.pixels),
        ("seeds", first.seed, second.seed),
    ):
        if one != other:
            raise ZooError(f"calibration statistics cannot be merged: they are of different {what}")
    share = second.images / (first.images + second.images)
    inputs = {
        id(each): _merge_inputs(each, second.inputs[name], share)
        for name, each in _once(first.inputs).items()
    }
    columns = {
        id(each): merge_columns(each, second.columns[name]) for name, each in _once(first.columns).items()
    }
    return CalibrationStatistics(
        first.images + second.images,
        {name: inputs[id(each)] for name, each in first.inputs.items()},
        {name: columns[id(each)] for name, each in first.columns.items()},
        first.fingerprint,
        first.pixels,
        first.seed,
    )


def _merge_inputs(first: InputStatistics, second: InputStatistics, share: float) -> InputStatistics:
    def mean(one: Doubles, other: Doubles) -> Doubles:
        return one + (other - one) * share

    return InputStatistics(
        np.maximum(first.absmax, second.absmax),
        mean(first.mean, second.mean),
        mean(first.peak_mean, second.peak_mean),
        mean(first.peak_square, second.peak_square),
        first.blob.merge(second.blob),
        first.channels.merge(second.channels),
        np.maximum(first.halves, second.halves),
    )


def merge_columns(first: ColumnStatistics, second: ColumnStatistics) -> ColumnStatistics:
    """The statistics of both sets of columns."""
    wide = first.products is None or second.products is None
    sample = np.concatenate([first.sample, second.sample])
    priority = np.concatenate([first.priority, second.priority])
    kept = np.argsort(priority, kind="stable")[: sample_columns(sample.shape[1])]
    return ColumnStatistics(
        first.count + second.count,
        first.total + second.total,
        None if wide else first.products + second.products,  # type: ignore[operator]
        sample[kept],
        priority[kept],
    )


def sample_columns(width: int) -> int:
    """How many columns of this width a sample holds at most."""
    return min(512, max(64, SAMPLE_SIZE // width))


def _once(shared: Mapping[str, Any]) -> dict[str, Any]:
    """Each object of a mapping once, under the first of its names."""
    objects: dict[int, tuple[str, Any]] = {}
    for name, each in shared.items():
        objects.setdefault(id(each), (name, each))
    return dict(objects.values())


def _numbered(shared: Mapping[str, Any]) -> dict[int, int]:
    return {key: number for number, key in enumerate(dict.fromkeys(map(id, shared.values())))}


def _input_arrays(each: InputStatistics, prefix: str) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        f"{prefix}/{name}": getattr(each, name)
        for name in ("absmax", "mean", "peak_mean", "peak_square", "halves")
    }
    for kind, histogram in (("blob", each.blob), ("channels", each.channels)):
        for name in ("top", "counts", "below", "zeros"):
            values = getattr(histogram, name)
            small = values.max(initial=0) <= np.iinfo(np.uint32).max
            arrays[f"{prefix}/{kind}/{name}"] = values.astype(np.uint32) if small else values
    return arrays


def _input(arrays: Mapping[str, NDArray[Any]], prefix: str) -> InputStatistics:
    def histogram(kind: str, bits: int, octaves: int) -> Histogram:
        parts = [arrays[f"{prefix}/{kind}/{name}"] for name in ("top", "counts", "below", "zeros")]
        top, counts, below, zeros = parts
        if counts.shape != (*top.shape, octaves << bits) or {below.shape, zeros.shape} != {top.shape}:
            raise ValueError
        return Histogram(bits, octaves, *(part.astype(np.int64) for part in parts))

    absmax, mean, peak_mean, peak_square, halves = (
        arrays[f"{prefix}/{name}"] for name in ("absmax", "mean", "peak_mean", "peak_square", "halves")
    )
    blob, channels = histogram("blob", *BLOB_BINS), histogram("channels", *CHANNEL_BINS)
    width = absmax.shape
    shapes = [each.shape for each in (mean, peak_mean, peak_square, channels.top, halves[0], halves[1])]
    if len(width) != 1 or not absmax.size or set(shapes) != {width} or blob.top.shape != (1,):
        raise ValueError
    return InputStatistics(absmax, mean, peak_mean, peak_square, blob, channels, halves)


def _column_arrays(each: ColumnStatistics, prefix: str) -> dict[str, NDArray[Any]]:
    arrays = {f"{prefix}/{name}": getattr(each, name) for name in ("total", "sample", "priority")}
    arrays[f"{prefix}/count"] = np.array(each.count)
    if each.products is not None:  # symmetric: one half is enough
        arrays[f"{prefix}/products"] = each.products[np.triu_indices(len(each.products))]
    return arrays


def _columns(arrays: Mapping[str, NDArray[Any]], prefix: str) -> ColumnStatistics:
    total, half = arrays[f"{prefix}/total"], arrays.get(f"{prefix}/products")
    products = None
    if half is not None:
        if half.size != total.size * (total.size + 1) // 2:
            raise ValueError  # before it takes the memory
        products = np.zeros((total.size, total.size), np.float32)
        products[np.triu_indices(total.size)] = half
        products += np.triu(products, 1).T
    sample, priority = arrays[f"{prefix}/sample"], arrays[f"{prefix}/priority"]
    count = arrays[f"{prefix}/count"]
    if total.ndim != 1 or sample.shape != (*priority.shape, *total.shape) or count.dtype.kind != "i":
        raise ValueError
    return ColumnStatistics(int(count), total, products, sample, priority)
