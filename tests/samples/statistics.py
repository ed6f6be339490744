"""Calibration statistics of columns made by hand, shared by the tests of what derives from them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

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
