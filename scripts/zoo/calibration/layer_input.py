"""A layer's input as its int8 form meets it: what the statistics say, after exact rewrites of the graph."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.calibration.bounds import UNKNOWN, Bound
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ZooError


@dataclass(frozen=True, eq=False)
class LayerInput:
    """What the int8 form of a layer reads, by channel and by im2col column (see `zoo.calibration.columns`).

    Columns have a width of channels x taps; a channel's taps stand side by side.

    absmax: float64 (channels,), the largest |x|. halves: (2, channels), the same over either half of the
    images, see `statistics.half`. bound: what x can be at all.
    mean: float64 (width,). covariance: float64 (width, width), or None for columns too wide for it.
    sample: float32 (n, width), some columns. half: (n,), which half of the images each is of.
    offset: what has been subtracted from the input that the statistics were collected of.
    """

    absmax: Doubles
    halves: Doubles
    bound: Bound
    mean: Doubles
    covariance: Doubles | None
    sample: Floats
    half: NDArray[np.int64]
    offset: float = 0.0

    @classmethod
    def of(cls, statistics: CalibrationStatistics, layer: str, bound: Bound = UNKNOWN) -> "LayerInput":
        """The input of a layer as it was seen. Raises ZooError if no columns of it were collected."""
        if layer not in statistics.columns:
            raise ZooError(f"layer {layer}: the calibration statistics hold no columns of its input")
        blob, columns = statistics.inputs[layer], statistics.columns[layer]
        mean = columns.total / columns.count
        covariance = None
        if columns.products is not None:
            covariance = columns.products / columns.count - np.outer(mean, mean)
            covariance[np.diag_indices_from(covariance)] = np.maximum(np.diag(covariance), 0)
        return cls(
            blob.absmax.astype(np.float64),
            blob.halves.astype(np.float64),
            bound,
            mean,
            covariance,
            columns.sample,
            (columns.priority & np.uint64(1)).astype(np.int64),
        )

    @property
    def taps(self) -> int:
        """How many values of a channel stand in a column."""
        return self.mean.size // self.absmax.size

    def spread(self, by_channel: Doubles) -> Doubles:
        """Values by channel as values by place in a column: (channels,) -> (width,)."""
        return np.repeat(by_channel, self.taps)

    def divided(self, by: Doubles) -> "LayerInput":
        """The input x / by, a factor a channel, (channels,). Raises ZooError for one that was shifted."""
        if self.offset:
            raise ZooError("an input cannot be both shifted and smoothed")
        wide = self.spread(by)
        covariance = None if self.covariance is None else self.covariance / np.outer(wide, wide)
        largest = self.bound.absmax / by.min()
        return replace(
            self,
            absmax=self.absmax / by,
            halves=self.halves / by,
            bound=Bound(-largest, largest) if np.isfinite(largest) else UNKNOWN,
            mean=self.mean / wide,
            covariance=covariance,
            sample=(self.sample / wide).astype(np.float32),
        )

    def shifted(self, offset: float) -> "LayerInput":
        """The input x - offset."""

        def moved(absmax: Doubles) -> Doubles:
            low = np.maximum(self.bound.low, -absmax)
            high = np.minimum(self.bound.high, absmax)
            return np.where(absmax > 0, np.maximum(high - offset, offset - low), 0)

        return replace(
            self,
            absmax=np.maximum(moved(self.absmax), abs(offset)),
            halves=moved(self.halves),
            bound=Bound(self.bound.low - offset, self.bound.high - offset),
            mean=self.mean - offset,
            sample=self.sample - np.float32(offset),
            offset=self.offset + offset,
        )
