"""Calibration statistics of columns made by hand, and their comparison, shared by the tests of both."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from samples.ncnn import normal
from zoo.calibration.collect import column_statistics
from zoo.calibration.histogram import Histogram
from zoo.calibration.statistics import BLOB_BINS, CHANNEL_BINS, CalibrationStatistics, InputStatistics


def statistics_of(
    columns: Mapping[str, NDArray[np.float32]], fingerprint: str | None = None
) -> CalibrationStatistics:
    """Of one image that gave each named layer, a 1x1 convolution, these columns: float32 (n, channels)."""
    priority = np.random.default_rng(0).integers(1 << 63, size=1 << 20, dtype=np.uint64)
    return CalibrationStatistics(
        1,
        {name: input_statistics(each, priority[: len(each)]) for name, each in columns.items()},
        {name: column_statistics(each, priority[: len(each)]) for name, each in columns.items()},
        fingerprint,
    )


def input_statistics(
    columns: NDArray[np.float32], priority: NDArray[np.uint64] | None = None
) -> InputStatistics:
    """Of one image with these pixels, float32 (n, channels), which share out among the halves by priority."""
    absmax = np.abs(columns).max(axis=0)
    part = np.arange(len(columns)) & 1 if priority is None else priority & np.uint64(1)
    halves = np.stack([np.abs(columns[part == each]).max(axis=0, initial=0) for each in (0, 1)])
    return InputStatistics(
        absmax,
        columns.mean(axis=0, dtype=np.float64),
        absmax.astype(np.float64),
        absmax.astype(np.float64) ** 2,
        Histogram.empty(1, *BLOB_BINS).add(columns),
        Histogram.empty(columns.shape[1], *CHANNEL_BINS).add(columns),
        halves.astype(np.float32),
    )


def noise_images(count: int, seed: int = 0) -> list[tuple[str, NDArray[np.float32]]]:
    """Named images, float32 (3, 8, 8), as `samples.ncnn.small_network` takes them."""
    draw = normal(seed)
    return [(f"image {index}", draw(192).reshape(3, 8, 8)) for index in range(count)]


def assert_equal(first: CalibrationStatistics, second: CalibrationStatistics) -> None:
    """Exactly, but for sums of floating-point numbers."""
    assert (first.images, first.fingerprint, first.pixels) == (
        second.images,
        second.fingerprint,
        second.pixels,
    )
    assert list(first.inputs) == list(second.inputs) and list(first.columns) == list(second.columns)
    for name, one in first.inputs.items():
        other = second.inputs[name]
        np.testing.assert_array_equal(one.absmax, other.absmax)
        np.testing.assert_array_equal(one.halves, other.halves)
        for part in ("mean", "peak_mean", "peak_square"):
            np.testing.assert_allclose(getattr(one, part), getattr(other, part), rtol=1e-12, atol=1e-14)
        for kind in ("blob", "channels"):
            for part in ("top", "counts", "below", "zeros"):
                np.testing.assert_array_equal(
                    getattr(getattr(one, kind), part), getattr(getattr(other, kind), part)
                )
    for name, mine in first.columns.items():
        theirs = second.columns[name]
        assert mine.count == theirs.count
        np.testing.assert_allclose(mine.total, theirs.total, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(mine.second_moment, theirs.second_moment, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(mine.priority, theirs.priority)
        np.testing.assert_array_equal(mine.sample, theirs.sample)
