"""One pass of the fp32 ncnn model over the calibration images, in several processes.

ncnn's Python module holds the interpreter's lock while it computes, so threads would wait for each other:
images go to child processes, each with the model on one core, which send back little per image. The parent
adds it up in the order of the images, so that the result does not depend on how many processes there are.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from zoo.array_types import Arrays, Floats
from zoo.calibration.attention import with_projections
from zoo.calibration.columns import PIXEL, Draw, Window, pixel_columns, window, window_columns
from zoo.calibration.histogram import Histogram
from zoo.calibration.observation import (
    BlobObservation,
    ImageObservation,
    PackedObservation,
    packed,
    unpacked,
)
from zoo.calibration.statistics import (
    BLOB_BINS,
    CHANNEL_BINS,
    CalibrationStatistics,
    ColumnStatistics,
    InputStatistics,
    half,
    merge_columns,
)
from zoo.errors import ZooError
from zoo.images.decode import read_inputs
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.jobs.isolation import isolated_each
from zoo.jobs.progress import progress
from zoo.jobs.scratch import scratch
from zoo.jobs.usage import fitting
from zoo.ncnn.graph import Graph, source_blob, write_files
from zoo.ncnn.pair import Pair
from zoo.ncnn.weights import can_be_int8, row_width
from zoo.runners import Runner
from zoo.runners.ncnn_runner import NcnnRunner

PRODUCTS_LIMIT = 2048
"""The widest columns whose products are kept: 16 MiB a layer in memory, half of it in the file."""

_BATCH, _NARROW_BATCH = 512, 2048
"""Columns that are added at once; more of narrow ones, of which a batch costs more than its numbers."""
_BATCH_SIZE = 1 << 19  # numbers of narrow ones


class BlobRunner(Runner, Protocol):
    """A runner that shows intermediate results: ncnn's."""

    def blobs(self, inputs: Arrays, names: list[str]) -> Iterable[tuple[str, Floats]]: ...


@dataclass(frozen=True)
class SamplingPlan:
    """What is looked at. layers: by the blob that they read, its Splits removed, in the graph's order.

    views: the windows other than a pixel through which a blob's columns are read, and their width.
    """

    layers: dict[str, tuple[str, ...]]
    views: dict[str, dict[Window, int]]
    pixels: int
    seed: int

    @property
    def windows(self) -> list[list[Window]]:
        """Through which each blob is read, in the order of the columns that are taken of it."""
        return [[PIXEL, *views] for views in self.views.values()]


def pixels_for(images: int) -> int:
    """How many pixels an image to sample in a set of so many: 8 to 64, some 8000 in all where possible.

    A sampled column costs time by the square of its width; 8 of them a small part of running the model.
    """
    return min(64, max(8, -(-8192 // max(images, 1))))


def sampling_plan(graph: Graph, pixels: int, seed: int) -> SamplingPlan:
    """What to look at in this graph. Raises ZooError if no layer of it could be int8."""
    readers: dict[str, list[str]] = {}
    views: dict[str, dict[Window, int]] = {}
    for layer in filter(can_be_int8, graph.layers):
        blob = source_blob(graph, layer.inputs[0])
        readers.setdefault(blob, []).append(layer.name)
        view = window(layer)
        if view is not None and view != PIXEL:
            views.setdefault(blob, {})[view] = row_width(layer)
    if not readers:
        raise ZooError("the model has no layer that could be int8 (no convolution, no inner product)")
    layers = {blob: tuple(readers[blob]) for blob in graph.blobs if blob in readers}
    return SamplingPlan(layers, {blob: views.get(blob, {}) for blob in layers}, pixels, seed)


def observe(plan: SamplingPlan, runner: BlobRunner, name: str, inputs: Arrays) -> ImageObservation:
    """Run the model on one image. Raises ZooError for NaN or inf in a layer's input, naming both."""
    random = _generator(plan, inputs)
    draw = Draw(random.random(plan.pixels))
    priority = 2 * random.integers(1 << 63, size=plan.pixels, dtype=np.uint64) + np.uint64(half(name))
    blobs = []
    for blob, values in runner.blobs(inputs, list(plan.layers)):
        layer = plan.layers[blob][0]
        rows = values.reshape(len(values), -1) if values.ndim > 2 else values.reshape(-1, values.shape[-1]).T
        absmax = largest_magnitudes(rows)
        if not np.isfinite(absmax).all():
            raise ZooError(f"layer {layer}: its input is NaN or infinite for the image {name}")
        columns = {PIXEL: pixel_columns(values, draw)}
        try:
            for view, width in plan.views[blob].items():
                columns[view] = window_columns(values, view, width, draw)
        except ZooError as error:
            raise ZooError(f"layer {layer}: {error}") from None
        mean = rows @ _equal(rows.shape[1])  # faster than a sum along rows
        blobs.append(BlobObservation(absmax, mean, columns))
    return ImageObservation(half(name), priority, blobs)


def largest_magnitudes(rows: Floats) -> Floats:
    """The largest |x| of each row of float32 (n, m), NaN for a row that has one.

    As whole numbers floats of one sign are in the order of their magnitudes (IEEE 754), the negative ones
    below all others if they are read with a sign, and above without; NaN is beyond infinity.
    """
    positive = rows.view(np.int32).max(axis=1)
    negative = rows.view(np.uint32).max(axis=1) & np.uint32(0x7FFFFFFF)
    largest: Floats = np.maximum(positive, negative.view(np.int32)).view(np.float32)
    return largest


@cache
def _equal(count: int) -> Floats:
    """The weights of a mean."""
    return np.full(count, 1 / count, np.float32)


def _generator(plan: SamplingPlan, inputs: Arrays) -> np.random.Generator:
    """Seeded by the image itself: neither the order of the images nor how they are shared out matters."""
    digest = hashlib.blake2b(digest_size=16, key=plan.seed.to_bytes(8))
    for values in inputs:
        digest.update(np.ascontiguousarray(values[..., ::8, ::8] if values.ndim > 1 else values).tobytes())
    return np.random.default_rng(int.from_bytes(digest.digest()))


def collect(
    graph: Graph, runner: BlobRunner, images: Iterable[tuple[str, Arrays]], pixels: int = 64, seed: int = 0
) -> CalibrationStatistics:
    """Run the fp32 model once over `images`, pairs of a name and the inputs, and keep statistics.

    pixels: how many columns of each image and layer are sampled at most.
    Raises ZooError for an empty set, and for NaN or inf in a layer's input, naming layer and image.
    """
    plan = sampling_plan(graph, pixels, seed)
    return summed(graph, plan, (observe(plan, runner, name, inputs) for name, inputs in images))


def collect_parallel(
    fp32: Pair,
    samples: Sequence[Sample],
    feed: Feed,
    processes: int,
    pixels: int | None = None,
    title: str | None = None,
) -> CalibrationStatistics:
    """The same for image files: read, prepared and run in child processes, one core each.

    pixels: by default `pixels_for` them. title: the text of a progress bar on a terminal.
    There are columns also of what attention's last projection reads, by the name of `projection_name`.
    Raises also what reading an image raises, and ChildDied when a child process dies.
    """
    opened = with_projections(fp32.graph)
    if len(opened.layers) == len(fp32.graph.layers):
        return _collected(fp32, samples, feed, processes, pixels, title)
    with scratch(fp32.param) as folder:
        files = folder / fp32.param.name, folder / fp32.weights.name
        write_files(opened, *files)
        found = _collected(Pair(opened, *files), samples, feed, processes, pixels, title)
    own = {name: each for name, each in found.inputs.items() if name in fp32.graph}
    return replace(found, inputs=own, fingerprint=fp32.graph.fingerprint())


def _collected(
    fp32: Pair, samples: Sequence[Sample], feed: Feed, processes: int, pixels: int | None, title: str | None
) -> CalibrationStatistics:
    plan = sampling_plan(fp32.graph, pixels or pixels_for(len(samples)), seed=0)
    calls = {
        f"{fp32.param}, calibration images {start + 1} to {start + _TASK}": (samples[start : start + _TASK],)
        for start in range(0, len(samples), _TASK)
    }
    parts: Iterator[list[PackedObservation]] = isolated_each(
        calls, _observe_in_child, processes, _start, plan, fp32.files, feed
    )
    windows = plan.windows
    shown = progress(parts, title, len(samples), "image", len)
    with threadpool_limits(1, user_api="blas"):  # the children have the cores
        seen = (unpacked(each, windows) for part in shown for each in part)
        return summed(fp32.graph, plan, seen)


def fitting_processes(fp32: Pair, threads: int, memory_mb: float) -> int:
    """How many processes `collect_parallel` can have in a job that was granted so much."""
    size = fp32.megabytes
    return fitting(threads, memory_mb, each_mb=200 + 1.5 * size, own_mb=400 + 1.6 * size)


_TASK = 4  # images that a child takes at a time


class _State(NamedTuple):
    plan: SamplingPlan
    runner: NcnnRunner
    feed: Feed


def _start(plan: SamplingPlan, files: tuple[Path, Path], feed: Feed) -> _State:
    threadpool_limits(1, user_api="blas")  # else a thread a core in each process, which wait by spinning
    # Ranges are a property of the model, not of the device: fp32 on the CPU finds them exactly.
    return _State(plan, NcnnRunner(*files, device="cpu", threads=1, precision="fp32"), feed)


def _observe_in_child(state: _State, samples: Sequence[Sample]) -> list[PackedObservation]:
    plan, runner, feed = state
    return [packed(observe(plan, runner, sample.name, read_inputs(sample, feed))) for sample in samples]


def summed(graph: Graph, plan: SamplingPlan, observed: Iterable[ImageObservation]) -> CalibrationStatistics:
    """The statistics of what was observed of each image by a plan. Raises ZooError if there are no images."""
    sums: list[_BlobSum] = []
    images = 0
    for part, priority, blobs in observed:
        images += 1
        sums = sums or [_BlobSum(blob) for blob in blobs]
        for total, blob in zip(sums, blobs, strict=True):
            total.add(blob, part, priority)
    if not images:
        raise ZooError("the calibration set is empty; add images or name another set")
    inputs, columns = {}, {}
    for layers, total in zip(plan.layers.values(), sums, strict=True):
        total.flush()
        statistics = total.statistics(images)
        for name in layers:
            inputs[name] = statistics
            if (view := window(graph[name])) is not None:
                columns[name] = total.columns[view]
    return CalibrationStatistics(images, inputs, columns, graph.fingerprint(), plan.pixels, plan.seed)


class _BlobSum:
    """The statistics of a blob as they grow; what is observed is gathered and added a batch at a time."""

    def __init__(self, first: BlobObservation) -> None:
        channels = first.absmax.size
        self.halves = np.zeros((2, channels), np.float32)
        self.means = np.zeros(channels)
        self.peaks = np.zeros((2, channels))
        self.blob = Histogram.empty(1, *BLOB_BINS)
        self.channels = Histogram.empty(channels, *CHANNEL_BINS)
        self.columns: dict[Window, ColumnStatistics] = {}
        self.waiting: list[tuple[int, NDArray[np.uint64], BlobObservation]] = []
        self.count = 0
        widest = max(columns.shape[1] for columns in first.columns.values())
        self.batch = min(_NARROW_BATCH, max(_BATCH, _BATCH_SIZE // widest))

    def add(self, blob: BlobObservation, part: int, priority: NDArray[np.uint64]) -> None:
        if blob.absmax.size != self.means.size:
            raise ZooError(
                f"a layer's input has {blob.absmax.size} channels for one image and {self.means.size} for "
                "others"
            )
        self.waiting.append((part, priority, blob))
        self.count += len(blob.columns[PIXEL])
        if self.count >= self.batch:
            self.flush()

    def flush(self) -> None:
        if not self.waiting:
            return
        parts, drawn, blobs = zip(*self.waiting, strict=True)
        self._add_ranges(np.array(parts), np.stack([blob.absmax for blob in blobs]))
        self.means += np.stack([blob.mean for blob in blobs]).sum(axis=0, dtype=np.float64)
        for view in blobs[0].columns:
            columns = np.concatenate([blob.columns[view] for blob in blobs])
            pairs = zip(drawn, blobs, strict=True)
            priority = np.concatenate([each[: len(blob.columns[view])] for each, blob in pairs])
            if view == PIXEL:
                self.blob = self.blob.add(columns)
                self.channels = self.channels.add(columns)
            added = column_statistics(columns, priority)
            before = self.columns.get(view)
            self.columns[view] = merge_columns(before, added) if before else added
        self.waiting.clear()
        self.count = 0

    def _add_ranges(self, parts: NDArray[np.int64], absmax: Floats) -> None:
        """absmax: (images, channels); parts: the half that each image is of."""
        for part in (0, 1):
            if (parts == part).any():
                self.halves[part] = np.maximum(self.halves[part], absmax[parts == part].max(axis=0))
        peaks = absmax.astype(np.float64)
        self.peaks += [peaks.sum(axis=0), np.square(peaks).sum(axis=0)]

    def statistics(self, images: int) -> InputStatistics:
        peak_mean, peak_square = self.peaks / images
        mean = self.means / images
        absmax = self.halves.max(axis=0)
        return InputStatistics(absmax, mean, peak_mean, peak_square, self.blob, self.channels, self.halves)


def column_statistics(columns: Floats, priority: NDArray[np.uint64]) -> ColumnStatistics:
    """The statistics of these columns, float32 (n, width), all of them in the sample as far as it goes."""
    width = columns.shape[1]
    products = columns.T @ columns if width <= PRODUCTS_LIMIT else None
    none = ColumnStatistics(0, np.zeros(width), None, columns[:0], priority[:0])
    total = columns.sum(axis=0, dtype=np.float64)
    sampled = merge_columns(none, ColumnStatistics(len(columns), total, None, columns, priority))
    return ColumnStatistics(len(columns), total, products, sampled.sample, sampled.priority)
