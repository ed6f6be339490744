"""Histograms of |x| that need no range beforehand, take bounded memory, and merge exactly.

Each octave [2^e, 2^(e+1)) is cut into equal bins, as HdrHistogram does, so a bin is narrow against its
values wherever they lie. The bin of a float32 is its leading bits: exponent and the first bits of the
mantissa. Kept are the octaves below the largest value seen; smaller values count as `below`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats

_MANTISSA = 23  # bits of a float32's mantissa


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of |x| for one or more rows of values, such as the channels of a blob.

    bits: an octave has 2^bits bins. octaves: how many are kept.
    top: int64 (rows,): the key (see `_keys`) above the highest bin of each row; a multiple of 2^bits.
    counts: int64 (rows, octaves * 2^bits), from the lowest bin to the highest.
    below, zeros: int64 (rows,): values that are smaller than the lowest bin but not 0, and zeros.

    What a histogram holds depends on the values only, not on their order or on how they were added.
    """

    bits: int
    octaves: int
    top: NDArray[np.int64]
    counts: NDArray[np.int64]
    below: NDArray[np.int64]
    zeros: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: int, bits: int, octaves: int) -> "Histogram":
        """A histogram without values."""
        none = np.zeros(rows, np.int64)
        return cls(bits, octaves, none, np.zeros((rows, octaves << bits), np.int64), none, none)

    @property
    def rows(self) -> int:
        return len(self.top)

    @property
    def total(self) -> NDArray[np.int64]:
        """How many values each row counts, zeros included."""
        total: NDArray[np.int64] = self.counts.sum(axis=1) + self.below + self.zeros
        return total

    def add(self, values: Floats) -> "Histogram":
        """With more values, finite float32 of shape (n, rows); any shape if there is a single row."""
        return self.merge(self._of(np.ascontiguousarray(values, np.float32).reshape(-1, self.rows)))

    def _of(self, values: Floats) -> "Histogram":
        if not values.size:
            return Histogram.empty(self.rows, self.bits, self.octaves)
        keys = _keys(values, self.bits)
        top = ((keys.max(axis=0).astype(np.int64) >> self.bits) + 1) << self.bits
        width = self.counts.shape[1]
        # one bincount for all: a row has a place for what is smaller, then its bins
        index = keys - (top - width - 1).astype(np.int32)
        np.maximum(index, 0, out=index)
        if self.rows > 1:
            index += np.arange(0, self.rows * (width + 1), width + 1, dtype=np.int32)
        counts = np.bincount(index.ravel(), minlength=self.rows * (width + 1)).reshape(self.rows, -1)
        zeros = len(values) - np.count_nonzero(values, axis=0)
        smaller = counts[:, 0]
        if (dead := top == 1 << self.bits).any():  # no value above the lowest octave of all, that of zero
            smaller = np.where(dead, counts.sum(axis=1), smaller)
            counts[dead] = 0
            top = np.where(dead, 0, top)
        return Histogram(self.bits, self.octaves, top, counts[:, 1:], smaller - zeros, zeros)

    def merge(self, other: "Histogram") -> "Histogram":
        """The histogram of both sets of values."""
        top = np.maximum(self.top, other.top)
        first, second = self._raised(top), other._raised(top)
        return Histogram(
            self.bits,
            self.octaves,
            top,
            first.counts + second.counts,
            first.below + second.below,
            self.zeros + other.zeros,
        )

    def _raised(self, top: NDArray[np.int64]) -> "Histogram":
        """With the bins below `top`; those that fall out at the lower end are counted as `below`."""
        shift = np.minimum(top - self.top, self.counts.shape[1])
        if not shift.any():
            return self
        counts, below = self.counts.copy(), self.below.copy()
        for step in np.unique(shift[shift > 0]):
            rows = shift == step
            below[rows] += counts[rows, :step].sum(axis=1)
            counts[rows] = np.pad(counts[rows, step:], ((0, 0), (0, step)))
        return Histogram(self.bits, self.octaves, top, counts, below, self.zeros)

    def edges(self, row: int = 0) -> Doubles:
        """The limits of a row's bins, one more than bins, ascending."""
        keys = np.arange(self.top[row] - self.counts.shape[1], self.top[row] + 1).clip(0)
        return (keys.astype(np.uint32) << (_MANTISSA - self.bits)).view(np.float32).astype(np.float64)

    def distribution(self, row: int = 0) -> tuple[Doubles, NDArray[np.int64]]:
        """The non-empty bins of a row: their middles, ascending, and counts; zeros are at 0."""
        edges, counts = self.edges(row), self.counts[row]
        middles = np.concatenate([[0.0, edges[0] / 2], (edges[:-1] + edges[1:]) / 2])
        counts = np.concatenate([self.zeros[row : row + 1], self.below[row : row + 1], counts])
        return middles[counts > 0], counts[counts > 0]

    def linear(self, bins: int, limit: float, row: int = 0) -> Doubles:
        """Counts of the values above 0 in `bins` equal bins of [0, limit], the last one taking what is above.

        A bin of this histogram that lies across several of those is divided among them by length.
        """
        below = np.concatenate([[0, self.below[row]], self.below[row] + np.cumsum(self.counts[row])])
        edges = np.concatenate([[0.0], self.edges(row)])
        sums = np.interp(np.linspace(0, limit, bins + 1), edges, below)
        sums[-1] = below[-1]
        return np.diff(sums)

    def above(self, limit: float, row: int = 0) -> float:
        """The share, 0 to 1, of a row's values that lie above `limit`, 0 or more; those of its own bin as far
        as if they were spread evenly over it."""
        sums = np.concatenate([[0, self.below[row]], self.below[row] + np.cumsum(self.counts[row])])
        edges = np.concatenate([[0.0], self.edges(row)])
        total = sums[-1] + self.zeros[row]
        return float((sums[-1] - np.interp(limit, edges, sums)) / total) if total else 0.0

    def quantile(self, fraction: float) -> Doubles:
        """The value that this fraction of each row's |x| does not exceed, shape (rows,); 0 if it has none."""
        return np.array([self._quantile(fraction, row) for row in range(self.rows)])

    def _quantile(self, fraction: float, row: int) -> float:
        sums = np.concatenate([[0, self.below[row]], self.below[row] + np.cumsum(self.counts[row])])
        wanted = fraction * (sums[-1] + self.zeros[row]) - self.zeros[row]
        if wanted <= 0:
            return 0.0
        edges = np.concatenate([[0.0], self.edges(row)])
        last = int(np.searchsorted(sums, wanted))  # the first edge that as many values lie under
        share = (wanted - sums[last - 1]) / (sums[last] - sums[last - 1])
        return float(edges[last - 1] + share * (edges[last] - edges[last - 1]))


def _keys(values: Floats, bits: int) -> NDArray[np.int32]:
    """Exponent and leading bits of the mantissa of |x|: a number that grows with |x|."""
    plain = values.view(np.uint32) & np.uint32(0x7FFFFFFF)
    plain >>= np.uint32(_MANTISSA - bits)
    return plain.view(np.int32)
