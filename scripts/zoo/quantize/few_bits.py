"""Weights of 4 and 6 bits in blocks: ranges clipped by error, GPTQ, and scales refitted to what it chose.

A block's largest weight takes a step of its own if few levels have to reach it: a smaller scale clips it, and
rounds all others finer. Which scale is best is tried, by the squared error of each weight times what is left
of its input's variance when those rounded later have made up for what they can (see `zoo.quantize.gptq`).
When levels are chosen the scales of a row are those of least error for them, in closed form; with these the
levels are chosen once more. What is better by the layer's own error is kept.
"""

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Doubles, Floats
from zoo.ncnn.weights import LEVELS, MAX_SCALE
from zoo.quantize.gptq import remaining_variance, round_weights

_CLIPS = {4: (1.0, 0.92, 0.84, 0.76, 0.68, 0.6), 6: (1.0, 0.98, 0.96, 0.94)}
"""Shares of a block's largest weight that its range may end at, by bits."""

_AT_ONCE = 1 << 20  # numbers, 8 MiB
_HELD = 1e-6  # share of its own square by which a fitted step is held near what it was
_ROUNDS = 2  # of scales refitted and levels chosen anew


def limits(bits: int) -> tuple[int, int]:
    """The smallest and the largest level. Scales go by the largest; the smallest has one more, which helps
    where a range is clipped."""
    return (-LEVELS, LEVELS) if bits == 8 else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def round_few_bits(
    rows: Doubles, size: int, bits: int, moments: Doubles | None
) -> tuple[NDArray[np.int8], Floats]:
    """Weights in whole steps, (outputs, inputs), and the scale of each block, float32 (outputs, blocks).

    moments: E x x^T of the input, (inputs, inputs), for GPTQ; None to round to nearest.
    """
    if moments is None:
        scales = clipped_scales(rows, size, bits, np.ones(rows.shape[1]))
        return _nearest(rows, _spread(scales, size, rows.shape[1]), bits), scales
    scales = clipped_scales(rows, size, bits, remaining_variance(moments))
    found: list[tuple[float, NDArray[np.int8], Floats]] = []
    for again in range(_ROUNDS + 1):
        steps = 1 / _spread(scales, size, rows.shape[1])
        levels = round_weights(rows, moments, steps=steps, limits=limits(bits))
        found.append((output_error(rows - levels * steps, moments), levels, scales))
        if again < _ROUNDS:
            scales = fitted_scales(rows, levels, scales, size, moments)
            steps = 1 / _spread(scales, size, rows.shape[1])
            found.append((output_error(rows - levels * steps, moments), levels, scales))
    _, levels, scales = min(found, key=lambda each: each[0])
    return levels, scales


def clipped_scales(rows: Doubles, size: int, bits: int, weights: Doubles) -> Floats:
    """The scale of each block, levels over range, float32 (outputs, blocks): of those tried the one of least
    squared error by `weights`, (inputs,). A block of zeros has 1."""
    return np.concatenate([_clipped(part, size, bits, weights)[0] for part in _parts(rows)])


def rounding_error(rows: Doubles, size: int, bits: int, weights: Doubles) -> float:
    """The squared error, summed by `weights`, (inputs,), of rows to nearest in the scales of
    `clipped_scales`."""
    return float(sum(_clipped(part, size, bits, weights)[1].sum() for part in _parts(rows)))


def output_error(difference: Doubles, moments: Doubles) -> float:
    """E |D x|^2 of what weights differ by, (outputs, inputs)."""
    return float(np.sum((difference @ moments) * difference))


def fitted_scales(
    rows: Doubles, levels: NDArray[np.int8], scales: Floats, size: int, moments: Doubles
) -> Floats:
    """The scales, (outputs, blocks), of least E |(W - W') x|^2 for these levels; a row in which one of them
    would not be above zero keeps its own."""
    whole, edges = levels.astype(np.float64), np.arange(0, rows.shape[1], size)
    # the output is the sum over blocks of step * (levels x): least squares in the steps
    sums = np.stack(
        [
            np.add.reduceat(
                (whole[:, start : start + size] @ moments[start : start + size]) * whole, edges, 1
            )
            for start in edges
        ],
        axis=1,
    )
    right = np.add.reduceat((rows @ moments) * whole, edges, 1)
    steps = 1 / scales.astype(np.float64)
    # held near what they are, by very little, so that blocks of zeros have a solution
    held = _HELD * np.diagonal(sums, axis1=1, axis2=2) + np.where(
        np.diagonal(sums, axis1=1, axis2=2) > 0, 0, 1
    )
    sums[:, range(len(edges)), range(len(edges))] += held
    found = np.linalg.solve(sums, (right + held * steps)[..., None])[..., 0]
    sound = np.all(found > 1 / MAX_SCALE, axis=1, keepdims=True)
    return np.where(sound, 1 / np.where(found > 0, found, 1), scales).astype(np.float32)


def _clipped(rows: Doubles, size: int, bits: int, weights: Doubles) -> tuple[Floats, Doubles]:
    """The best scales, (outputs, blocks), and the error that each block has with them, by `weights`."""
    blocks, by = in_blocks(rows, size), in_blocks(weights[None], size)
    largest = np.abs(blocks).max(axis=2)
    dead = largest <= LEVELS / MAX_SCALE
    low, high = limits(bits)
    best, scales = np.full(largest.shape, np.inf), np.ones(largest.shape, np.float32)
    for clip in _CLIPS[bits]:
        tried = (high / np.where(dead, high, largest * clip)).astype(np.float32)
        exact = blocks * tried[..., None]
        difference = (np.clip(np.rint(exact), low, high) - exact) / tried[..., None]
        error = np.einsum("obi,obi->ob", difference**2, np.broadcast_to(by, difference.shape))
        scales = np.where(error < best, tried, scales)
        best = np.minimum(error, best)
    return scales, best


def in_blocks(rows: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """(n, width) as (n, blocks, size), with zeros after the last."""
    missing = -rows.shape[1] % size
    return np.pad(rows, ((0, 0), (0, missing))).reshape(len(rows), -1, size)


def _nearest(rows: Doubles, scales: Doubles, bits: int) -> NDArray[np.int8]:
    return np.clip(np.rint(rows * scales), *limits(bits)).astype(np.int8)


def _spread(scales: Floats, size: int, width: int) -> Doubles:
    """(outputs, blocks) as (outputs, width)."""
    return np.repeat(scales.astype(np.float64), size, axis=1)[:, :width]


def _parts(rows: Doubles) -> list[Doubles]:
    """The rows, so many at once that what is made of them stays small."""
    step = max(1, _AT_ONCE // rows.shape[1])
    return [rows[start : start + step] for start in range(0, len(rows), step)]
