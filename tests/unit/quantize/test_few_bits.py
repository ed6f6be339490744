"""Scales and levels of weights of 4 and 6 bits."""

import numpy as np
import pytest

from samples.ncnn import normal
from zoo.quantize.few_bits import (
    clipped_scales,
    fitted_scales,
    limits,
    output_error,
    round_few_bits,
    rounding_error,
)
from zoo.quantize.gptq import round_weights

WIDTH, OUTPUTS, SIZE = 72, 40, 32


def weights(heavy: bool = False) -> np.ndarray:
    draw = np.random.default_rng(0)
    rows = draw.standard_t(3, (OUTPUTS, WIDTH)) if heavy else draw.standard_normal((OUTPUTS, WIDTH))
    return rows.astype(np.float64)


def moments() -> np.ndarray:
    """Of inputs that go together, and are not about zero."""
    mixing = normal(5)(WIDTH * WIDTH).reshape(WIDTH, WIDTH) * 0.2 + np.eye(WIDTH)
    mean = normal(6)(WIDTH)
    return (mixing @ mixing.T + np.outer(mean, mean)).astype(np.float64)


def spread(scales: np.ndarray) -> np.ndarray:
    return np.repeat(scales.astype(np.float64), SIZE, axis=1)[:, :WIDTH]


def error(levels: np.ndarray, scales: np.ndarray) -> float:
    return output_error(weights() - levels / spread(scales), moments())


def by_absmax(rows: np.ndarray, bits: int) -> np.ndarray:
    blocks = np.split(np.abs(rows), [32, 64], axis=1)
    return np.stack([limits(bits)[1] / block.max(axis=1) for block in blocks], axis=1)


def test_levels_are_those_of_so_many_bits():
    assert [limits(bits) for bits in (4, 6, 8)] == [(-8, 7), (-32, 31), (-127, 127)]


@pytest.mark.parametrize("bits", [4, 6])
def test_ranges_are_clipped_where_that_helps(bits):
    rows, ones = weights(heavy=True), np.ones(WIDTH)
    scales = clipped_scales(rows, SIZE, bits, ones)
    whole = by_absmax(rows, bits)
    assert (scales >= whole * 0.999).all() and (scales > whole * 1.01).mean() > 0.1

    def squares(by: np.ndarray) -> float:
        levels = np.clip(np.rint(rows * spread(by)), *limits(bits))
        return float(np.sum((levels / spread(by) - rows) ** 2))

    assert squares(scales) < squares(whole)
    assert rounding_error(rows, SIZE, bits, ones) == pytest.approx(squares(scales), rel=1e-4)


def test_a_block_that_few_levels_hold_exactly_is_not_clipped():
    rows = np.tile(np.arange(-7, 8) / 7.0, (3, 2))
    np.testing.assert_allclose(clipped_scales(rows, SIZE, 4, np.ones(30)), 7)


def test_fitted_scales_are_of_least_error_for_their_levels():
    first = clipped_scales(weights(), SIZE, 4, np.ones(WIDTH))
    levels = round_weights(weights(), moments(), steps=1 / spread(first), limits=limits(4))
    fitted = fitted_scales(weights(), levels, first, SIZE, moments())
    least = error(levels, fitted)
    assert least < error(levels, first)
    for factor in (0.999, 1.001):
        for block in range(3):
            moved = fitted.copy()
            moved[:, block] *= factor
            assert error(levels, moved) >= least


@pytest.mark.parametrize("bits", [4, 6])
def test_gptq_with_fitted_scales_comes_nearer_than_to_nearest(bits):
    plain = error(*round_few_bits(weights(), SIZE, bits, None))
    gptq = error(
        round_weights(weights(), moments(), steps=1 / by_absmax_steps(bits), limits=limits(bits)),
        by_absmax(weights(), bits),
    )
    best = error(*round_few_bits(weights(), SIZE, bits, moments()))
    assert best < 0.97 * gptq < 0.9 * plain


def by_absmax_steps(bits: int) -> np.ndarray:
    return spread(by_absmax(weights(), bits))


def test_blocks_of_zeros_have_finite_scales():
    rows = weights()
    rows[3], rows[:, 32:64] = 0, 0
    for known in (None, moments()):
        levels, scales = round_few_bits(rows, SIZE, 4, known)
        assert np.isfinite(scales).all() and (scales > 0).all()
        assert not levels[3].any() and not levels[:, 32:64].any()
