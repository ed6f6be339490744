"""A layer's input after exact rewrites: what is derived agrees with the statistics of the rewritten input."""

import numpy as np
import pytest

from samples.ncnn import normal
from samples.statistics import statistics_of
from zoo.calibration.bounds import UNKNOWN, Bound
from zoo.calibration.layer_input import LayerInput
from zoo.errors import ZooError

COLUMNS = np.abs(normal(1)(400 * 3).reshape(400, 3)) * np.float32([1, 4, 0.25])


def seen(columns: np.ndarray, bound: Bound = UNKNOWN) -> LayerInput:
    return LayerInput.of(statistics_of({"x": columns}), "x", bound)


def assert_same(derived: LayerInput, collected: LayerInput) -> None:
    for part in ("absmax", "halves", "mean", "covariance", "sample"):
        np.testing.assert_allclose(
            getattr(derived, part), getattr(collected, part), rtol=1e-4, atol=1e-5, err_msg=part
        )
    np.testing.assert_array_equal(derived.half, collected.half)


def test_it_holds_the_moments_of_the_columns():
    source = seen(COLUMNS)
    np.testing.assert_allclose(source.absmax, COLUMNS.max(axis=0))
    np.testing.assert_allclose(source.mean, COLUMNS.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(source.covariance, np.cov(COLUMNS.T, bias=True), rtol=1e-3, atol=1e-4)
    assert set(source.half) == {0, 1} and source.offset == 0 and source.taps == 1


def test_divided_it_is_the_input_that_was_divided():
    factors = np.array([0.5, 1.0, 0.25])
    derived = seen(COLUMNS).divided(factors)
    assert_same(derived, seen((COLUMNS / factors).astype(np.float32)))


def test_a_bound_is_divided_by_the_least_factor():
    assert seen(COLUMNS, Bound(0, 6)).divided(np.array([0.5, 1.0, 0.25])).bound == Bound(-24, 24)
    assert seen(COLUMNS, Bound(low=0)).divided(np.array([0.5, 1.0, 0.25])).bound == UNKNOWN


def test_shifted_it_is_the_input_that_was_shifted():
    derived = seen(COLUMNS, Bound(low=0)).shifted(1.5)
    collected = seen(COLUMNS - np.float32(1.5))
    for part in ("mean", "covariance", "sample"):
        np.testing.assert_allclose(getattr(derived, part), getattr(collected, part), rtol=1e-4, atol=1e-4)
    assert derived.offset == 1.5 and derived.bound == Bound(low=-1.5)
    assert (derived.absmax >= collected.absmax - 1e-6).all(), "what was seen, and what the bound admits"
    np.testing.assert_allclose(derived.absmax, np.maximum(COLUMNS.max(axis=0) - 1.5, 1.5))


def test_a_clipped_input_is_centred():
    source = seen(COLUMNS.clip(0, 1), Bound(0, 1)).shifted(0.5)
    assert source.bound == Bound(-0.5, 0.5) and (source.absmax == 0.5).all()


def test_a_channel_that_was_always_zero_only_moves():
    dead = COLUMNS * np.float32([1, 0, 1])
    assert seen(dead, Bound(low=0)).shifted(0.5).absmax[1] == 0.5


def test_it_cannot_be_both_shifted_and_divided():
    with pytest.raises(ZooError, match="cannot be both shifted and smoothed"):
        seen(COLUMNS, Bound(low=0)).shifted(1.0).divided(np.ones(3))


def test_values_by_channel_are_spread_over_the_taps_of_a_window():
    source = seen(COLUMNS)
    wide = LayerInput(
        source.absmax, source.halves, UNKNOWN, np.zeros(6), None, np.zeros((2, 6), np.float32), source.half
    )
    assert wide.taps == 2
    np.testing.assert_array_equal(wide.spread(np.array([1.0, 2.0, 3.0])), [1, 1, 2, 2, 3, 3])
    assert wide.divided(np.array([1.0, 2.0, 4.0])).covariance is None


def test_a_layer_without_columns_is_named():
    with pytest.raises(ZooError, match="layer dw: the calibration statistics hold no columns of its input"):
        LayerInput.of(statistics_of({"x": COLUMNS}), "dw")
