"""GPTQ: weights rounded one input at a time, each rounding error made up for by the weights still to come.

What is minimized is the error of the layer's output, E |(W - W') x|^2 = tr (W - W') H (W - W')^T, with the
covariance H of its input measured on calibration images: errors of inputs that go together cancel. (The
mean of the error is left to the bias.) Source: Frantar et al., "GPTQ: Accurate Post-Training Quantization
for Generative Pre-trained Transformers", 2023; inputs in the order of falling variance.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles
from zoo.ncnn.weights import LEVELS

DAMPING = 0.03
"""Share of the mean variance that is added to each, so that H can be inverted and is not trusted blindly: the
photographs that come are not those that calibrated."""

_BLOCK = 128  # inputs rounded before the rest is brought up to date, in one matrix product


def round_weights(
    weights: Doubles,
    covariance: Doubles,
    damping: float = DAMPING,
    steps: Doubles | None = None,
    limits: tuple[int, int] = (-LEVELS, LEVELS),
) -> NDArray[np.int8]:
    """Whole numbers near `weights` / `steps`, all (outputs, width); without `steps`, these are 1.

    covariance: (width, width), of the layer's input, in whatever unit goes with the weights. limits: the
    smallest and the largest number.
    """
    units = np.ones((weights.shape[1], 1)) if steps is None else np.ascontiguousarray(steps.T)

    def levels(values: Doubles, column: int) -> Doubles:
        unit = units[column]
        whole: Doubles = np.clip(np.rint(values / unit), *limits) * unit
        return whole

    rounded = round_columns(weights, covariance, levels, damping)
    return np.rint(rounded / units.T).astype(np.int8)


def round_columns(
    weights: Doubles,
    covariance: Doubles,
    nearest: Callable[[Doubles, int], Doubles],
    damping: float = DAMPING,
) -> Doubles:
    """The weights, (outputs, width), each replaced by a value that there is.

    nearest: for values of a column, (outputs,), and its index, those that there are nearest to them.
    covariance: as above.
    """
    order, factor = _factor(covariance, damping)
    # an input a row: what is worked on lies side by side in memory, which is seven times as fast
    left = np.ascontiguousarray(weights.T[order], dtype=np.float64)
    result = np.empty_like(left)
    for start in range(0, len(left), _BLOCK):
        stop = min(start + _BLOCK, len(left))
        errors = np.empty((stop - start, left.shape[1]))
        for row in range(start, stop):
            rounded = nearest(left[row], order[row])
            error = (left[row] - rounded) / factor[row, row]
            left[row + 1 : stop] -= np.outer(factor[row, row + 1 : stop], error)
            errors[row - start] = error
            result[order[row]] = rounded
        left[stop:] -= factor[start:stop, stop:].T @ errors
    return np.ascontiguousarray(result.T)


def remaining_variance(covariance: Doubles, damping: float = DAMPING) -> Doubles:
    """Per input, the part of its variance that those rounded after it cannot make up for, (width,).

    A rounding error of variance v in each weight leaves v times the sum of these in the output; plain
    rounding leaves v times the sum of the variances.
    """
    order, lower = _cholesky(covariance, damping)
    remaining: Doubles = np.empty(len(order))
    remaining[order] = np.diag(lower)[::-1] ** 2  # those of the factor below are one over these
    return remaining


def _factor(covariance: Doubles, damping: float) -> tuple[NDArray[np.int64], Doubles]:
    """The order of the inputs, and the upper Cholesky factor of the inverse of the damped covariance."""
    # upper^T upper = inverse, without inverting: with H reversed = L L^T, the factor is L^-1 reversed
    order, lower = _cholesky(covariance, damping)
    upper = np.linalg.inv(lower)[::-1, ::-1]
    return order, np.asarray(np.triu(upper), np.float64)


def _cholesky(covariance: Doubles, damping: float) -> tuple[NDArray[np.int64], Doubles]:
    """The order of the inputs, and the lower Cholesky factor of their damped covariance, last one first."""
    variances = np.diag(covariance)
    mean = float(variances.mean())
    order = np.argsort(-variances, kind="stable")
    backwards = covariance[np.ix_(order[::-1], order[::-1])]
    for more in range(8):
        share = damping * 10.0**more
        damped = backwards + np.eye(len(order)) * (share * mean if mean > 0 else 1.0)
        try:
            return order, np.asarray(np.linalg.cholesky(damped), np.float64)
        except np.linalg.LinAlgError:
            # of inputs that hardly vary about a large mean, sums in float32 leave no covariance
            continue
    raise ValueError("no covariance: it is not finite")
