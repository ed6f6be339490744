"""The error that quantizing one layer puts on its output, estimated from the calibration statistics alone.

Of a layer W x whose weights and inputs are rounded to W' and q(x), the error is E |W x - W' q(x)|^2 about
its mean (the mean is taken back by the bias), as a share of the signal E |W x|^2.
"""

import copy
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.calibration.layer_input import LayerInput
from zoo.ncnn.weights import LEVELS, MAX_SCALE
from zoo.quantize.gptq import remaining_variance

_QUIETEST = 1 / 64  # of the peak: calibration saw too little of a channel that was quieter, see `clips`
_AT_ONCE = 1 << 20  # numbers, 8 MiB
_GOLDEN = (math.sqrt(5) - 1) / 2


def clips(absmax: Doubles, alpha: float, margin: float = 1.0, limit: float = math.inf) -> Doubles:
    """Clipping thresholds by channel, (channels,): peak * (absmax / peak)^alpha * margin, at most `limit`.

    The peak is the largest absmax: alpha 0 gives all channels one threshold, alpha 1 each its own. No
    channel counts as smaller than a 64th of the peak: that it was quiet does not tell that it stays so.
    An input that was zero throughout, or too small for a scale in float32, gets 127, the step 1.
    """
    peak = float(absmax.max())
    if peak < LEVELS / MAX_SCALE:
        return np.full(absmax.shape, float(LEVELS))
    return np.minimum(peak * np.maximum(absmax / peak, _QUIETEST) ** alpha * margin, limit)


def round_input(columns: NDArray[np.floating], step: Doubles) -> Doubles:
    """Columns (n, width) as whole steps in ±127: halves away from zero, as ncnn rounds."""
    scaled = np.asarray(columns, dtype=np.float64) / step
    return np.clip(np.copysign(np.floor(np.abs(scaled) + 0.5), scaled), -LEVELS, LEVELS)


def weight_steps(rows: Doubles, step: Doubles) -> Doubles:
    """The int8 step of each row of weights once they are multiplied by the input's steps, (outputs,).

    A row without weights to speak of, whose scale would leave float32, gets the input's: it becomes zeros.
    """
    largest = row_peaks(np.abs(rows), step)
    dead = largest <= step.max() * LEVELS / MAX_SCALE
    return np.where(dead, step.max(), largest / LEVELS)


def row_peaks(absolute: NDArray[np.floating], step: Doubles) -> Doubles:
    """The largest of each row of `absolute` * step, (outputs,); in parts, for wide layers."""
    rows = max(1, _AT_ONCE // step.size)
    parts = [absolute[start : start + rows] * step for start in range(0, len(absolute), rows)]
    return np.concatenate([part.max(axis=1) for part in parts])


class LocalError:
    """What candidates for one layer would cost; cheap enough to try hundreds.

    rows: (outputs, width), the float weights. gptq: whether they are to be rounded by GPTQ.
    """

    def __init__(self, source: LayerInput, rows: NDArray[np.floating], gptq: bool) -> None:
        self.source, self.rows = source, np.asarray(rows, dtype=np.float64)
        covariance = source.covariance
        if covariance is None:
            variances = source.sample.astype(np.float64).var(axis=0)
        else:
            variances = remaining_variance(covariance) if gptq else np.diag(covariance)
        self._variances = variances
        self._absolute = np.abs(self.rows)
        self._norms = np.einsum("oi,oi->i", self.rows, self.rows)
        self.signal = self._signal()

    def shifted(self, offset: float) -> "LocalError":
        """The same layer's error once its input lacks `offset`, which neither variances nor signal know."""
        moved = copy.copy(self)
        moved.source = self.source.shifted(offset)
        return moved

    @property
    def has_both_halves(self) -> bool:
        """Whether there are two halves: else the same images choose and judge, and every gain looks real."""
        source = self.source
        return all(source.halves[half].any() and (source.half != half).any() for half in (0, 1))

    def _signal(self) -> float:
        mean = self.rows @ (self.source.mean + self.source.offset)
        if self.source.covariance is None:
            centred = self.source.sample - self.source.sample.mean(axis=0)
            power = np.sum((centred @ self.rows.T) ** 2) / max(len(centred), 1)
        else:
            power = np.sum((self.rows @ self.source.covariance) * self.rows)
        return float(power + mean @ mean)

    def predicted(self, alpha: float, margin: float) -> float:
        """The expected error for thresholds `clips(absmax, alpha, margin)`, as a share of the signal.

        The thresholds are those of one half of the images and the inputs those of the other, in both ways,
        so that channels that were quiet in one half and are not in the other count. Rounding errors are
        taken as independent; those of weights as uniform, and shrunk as GPTQ shrinks them.
        """
        limit = self.source.bound.absmax
        if not self.has_both_halves:
            step = self.source.spread(clips(self.source.absmax, alpha, margin, limit)) / LEVELS
            return self._error(step, self.source.sample)
        errors = []
        for half in (0, 1):
            step = self.source.spread(clips(self.source.halves[half], alpha, margin, limit)) / LEVELS
            errors.append(self._error(step, self.source.sample[self.source.half != half]))
        return float(np.mean(errors))

    def _error(self, step: Doubles, columns: Floats) -> float:
        difference = columns / step.astype(np.float32)
        difference -= np.clip(np.rint(difference), -LEVELS, LEVELS)
        squares = np.einsum("ni,ni->i", difference, difference) / len(columns) * step**2
        # the rounded input's own variance, 1/12, passes through rounded weights as the input does
        spread = np.sum(self._variances / step**2 + 1 / 12)
        weights = np.sum((row_peaks(self._absolute, step) / LEVELS) ** 2) / 12 * spread
        return float(self._norms @ squares + weights) / self.signal if self.signal > 0 else 0.0

    def measured(self, clip: Doubles, levels: NDArray[np.int8], row_steps: Doubles) -> float:
        """The error on the sampled columns for given thresholds by channel and weights in steps by row."""
        step = self.source.spread(clip) / LEVELS
        columns = self.source.sample.astype(np.float64)
        output = round_input(columns, step) @ (levels * row_steps[:, None]).T
        difference = columns @ self.rows.T - output
        exact = (columns + self.source.offset) @ self.rows.T
        noise = float(np.sum((difference - difference.mean(axis=0)) ** 2))
        signal = float(np.sum(exact**2))
        return noise / signal if signal > 0 else 0.0


def golden_section(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Where in [low, high] a function with one minimum has it, to within `tolerance`.

    Source: Kiefer, "Sequential minimax search for a maximum", 1953.
    """
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > tolerance:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return left if at_left <= at_right else right
