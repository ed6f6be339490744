"""Observers: the clipping threshold of a layer's input, each found from stored statistics alone.

A threshold t becomes the activation scale 127 / t: |x| above t is clipped, below it x is rounded to a step
of t / 127. Only |x| matters, for ncnn's int8 is symmetric.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles
from zoo.calibration.bounds import UNKNOWN, Bound
from zoo.calibration.histogram import Histogram
from zoo.calibration.statistics import InputStatistics
from zoo.errors import ZooError
from zoo.ncnn.weights import LEVELS

KL_BINS = 2048
"""Bins of the linear histogram that the KL observers look at, as in ncnn2table."""


def threshold(
    observer: str,
    statistics: InputStatistics,
    limit: Bound = UNKNOWN,
    margin: float = 1.0,
    percent: float = 99.99,
) -> float:
    """The clipping threshold of a layer's input by an observer of `OBSERVERS`; 0 for an input always zero.

    limit: what the input can be at most (see `zoo.calibration.bounds`); no threshold lies above it.
    margin: a factor for values beyond those seen, such as 1.05. percent: for the percentile observer.
    Where the sampled pixels show an observer nothing but zeros, the threshold is absmax.
    Raises ZooError for an unknown observer, a margin or a percentage that makes no sense.
    """
    if observer not in OBSERVERS:
        raise ZooError(f"unknown observer {observer!r}; known: {', '.join(OBSERVERS)}")
    if not margin > 0:
        raise ZooError(f"the margin of an observer must be above 0, not {margin}")
    if not 0 < percent <= 100:
        raise ZooError(f"a percentile must be above 0 and at most 100, not {percent}")
    largest = float(statistics.absmax.max())
    if largest == 0:
        return 0.0
    clip = largest
    if observer == "percentile":
        clip = percentile(statistics.blob, percent)
    elif statistics.blob.counts.any():
        clip = OBSERVERS[observer](statistics.blob, largest)
    clip = min(clip, largest) if math.isfinite(clip) and clip > 0 else largest
    return min(clip * margin, limit.absmax)


def absmax(_: Histogram, largest: float) -> float:
    """The largest |x|: nothing seen is clipped."""
    return largest


def percentile(values: Histogram, percent: float = 99.99) -> float:
    """What this share of |x| does not exceed, zeros included."""
    return float(values.quantile(percent / 100)[0])


def mse(values: Histogram, largest: float) -> float:
    """The threshold of the smallest mean squared error, of clipping and rounding together."""
    x, counts = values.distribution()
    best = largest
    candidates = largest * np.geomspace(1 / 64, 1, 49)
    for _ in range(2):
        errors = [_squared_error(x, counts, each) for each in candidates]
        at = int(np.argmin(errors))
        best = float(candidates[at])
        low, high = candidates[max(at - 1, 0)], candidates[min(at + 1, len(candidates) - 1)]
        candidates = np.linspace(low, high, 25)
    return best


def _squared_error(x: Doubles, counts: NDArray[np.int64], limit: float) -> float:
    step = limit / LEVELS
    return float(counts @ (x - np.minimum(np.floor(x / step + 0.5), LEVELS) * step) ** 2)


def aciq(values: Histogram, largest: float) -> float:
    """The threshold that is best for a Gaussian or a Laplace distribution fitted to the values.

    Source: Banner et al., "Post training 4-bit quantization of convolutional networks for rapid-deployment",
    2019. |x| is that of a distribution symmetric about 0, so its parameters are sigma = sqrt(E[x^2]) and
    b = E|x|; their ratio, .80 for Gaussian and .71 for Laplace, tells which of the two is nearer.
    (ncnn2table infers sigma from absmax alone and knows no Laplace.)
    """
    x, counts = values.distribution()
    b, sigma = float(counts @ x / counts.sum()), math.sqrt(float(counts @ x**2 / counts.sum()))
    between = (math.sqrt(2 / math.pi) + math.sqrt(0.5)) / 2
    return min(GAUSSIAN_CLIP * sigma if b > between * sigma else LAPLACE_CLIP * b, largest)


def _clip(clipping_slope: Callable[[float], float]) -> float:
    """Where clipping error and rounding error, t^2 / (12 * 127^2), of a unit distribution sum to the least.

    There the derivative of the first, minus `clipping_slope(t)`, and of the second, t / (6 * 127^2), cancel.
    """
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if middle / (6 * LEVELS**2) > clipping_slope(middle) else (middle, high)
    return low


# Clipping errors: of a Gaussian 2 ((1 + t^2) Q(t) - t phi(t)), where Q is its tail; of Laplace 2 exp(-t).
GAUSSIAN_CLIP = _clip(
    lambda t: 4 * (math.exp(-t * t / 2) / math.sqrt(2 * math.pi) - t * math.erfc(t / math.sqrt(2)) / 2)
)
LAPLACE_CLIP = _clip(lambda t: 2 * math.exp(-t))


def kl_ncnn(values: Histogram, largest: float) -> float:
    """The threshold that ncnn2table's default method would choose for this histogram."""
    bins = values.linear(KL_BINS, largest)
    return (ncnn_kl_bin(bins / bins.sum()) + 0.5) * largest / KL_BINS


def ncnn_kl_bin(mass: Doubles, levels: int = 128) -> int:
    """ncnn2table's choice among `levels` .. len(mass) - 1 of how many bins to keep; `mass` sums to 1.

    The clipped histogram, with what is above put into its last bin, is compared with one in which `levels`
    equal levels have each been averaged. 0.0001 is added to every bin of both, which are not normalized
    again. Definition: ncnn tools/quantize/ncnn2table.cpp, quantize_KL.
    """
    eps = 1e-4
    sums = np.concatenate([[0.0], np.cumsum(mass)])
    whole = np.arange(len(sums))
    divergences = []
    for kept in range(levels, len(mass)):
        clipped = mass[:kept] + eps
        clipped[-1] += sums[-1] - sums[kept]
        knots = np.arange(levels + 1) * (kept / levels)
        # averaging over a level makes the sum up to a bin linear within the level
        averaged = np.diff(np.interp(whole[: kept + 1], knots, np.interp(knots, whole, sums))) + eps
        divergences.append(float(clipped @ np.log(clipped / averaged)))
    return levels + int(np.argmin(divergences))


def kl(values: Histogram, largest: float) -> float:
    """The threshold of the smallest Kullback-Leibler divergence, as the method was meant; see `kl_bin`."""
    bins = values.linear(KL_BINS, largest)
    return kl_bin(bins / bins.sum()) * largest / KL_BINS


def kl_bin(mass: Doubles, levels: int = LEVELS) -> int:
    """How many bins to keep so that the rounded histogram diverges least; at most all.

    After Migacz, "8-bit inference with TensorRT", 2017. What differs from ncnn2table: both distributions are
    normalized, so the divergence is one; empty bins stay empty when a level is spread over its bins; levels
    lie where int8 has them, around whole steps, 127 above zero; keeping everything is a candidate; and a
    ten-thousandth of uniform mass, not 0.0001 a bin (a fifth of everything at 2048 bins), keeps it finite.
    """
    sums = np.concatenate([[0.0], np.cumsum(mass)])
    whole = np.arange(len(sums))
    divergences = []
    for kept in range(levels + 1, len(mass) + 1):
        clipped = mass[:kept].copy()
        clipped[-1] += sums[-1] - sums[kept]
        occupied = np.concatenate([[0.0], np.cumsum(clipped > 0)])
        knots = np.concatenate([[0], np.arange(levels) + 0.5, [levels]]) * (kept / levels)
        spread = np.diff(
            np.interp(occupied, np.interp(knots, whole[: kept + 1], occupied), np.interp(knots, whole, sums))
        )
        uniform = (clipped > 0) / occupied[-1]
        rounded = (1 - 1e-4) * spread / max(sums[kept], 1e-30) + 1e-4 * uniform
        used = clipped > 0
        divergences.append(float(clipped[used] @ np.log(clipped[used] / rounded[used])))
    return levels + 1 + int(np.argmin(divergences))


OBSERVERS: Mapping[str, Callable[[Histogram, float], float]] = {
    "absmax": absmax,
    "percentile": lambda values, _: percentile(values),
    "mse": mse,
    "kl": kl,
    "kl_ncnn": kl_ncnn,
    "aciq": aciq,
}
"""Each takes the histogram of |x| and the largest |x| of a layer's input, and gives its threshold."""
