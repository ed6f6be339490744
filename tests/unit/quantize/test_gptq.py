"""GPTQ rounding against brute force and the error that its theory predicts."""

from itertools import product

import numpy as np
import pytest

from zoo.quantize.gptq import remaining_variance, round_columns, round_weights


def covariance(width, seed=0):
    random = np.random.default_rng(seed)
    mixing = random.standard_normal((width, width)) * np.geomspace(1, 0.03, width)
    return mixing @ mixing.T


def error(weights, rounded, moments):
    difference = weights - rounded
    return np.einsum("oi,ij,oj->o", difference, moments, difference)


def test_uncorrelated_inputs_are_rounded_to_nearest():
    weights = np.random.default_rng(0).uniform(-120, 120, (5, 7))
    moments = np.diag(np.random.default_rng(1).uniform(0.1, 2, 7))
    np.testing.assert_array_equal(round_weights(weights, moments), np.rint(weights))


def test_it_is_close_to_the_best_there_is():
    weights = np.random.default_rng(0).uniform(-3, 3, (12, 5))
    moments = covariance(5)
    found = error(weights, round_weights(weights, moments, damping=1e-9), moments)
    near = np.array(list(product(range(-4, 6), repeat=5)))
    best = np.array([error(row, np.floor(row) + near, moments).min() for row in weights])
    nearest = error(weights, np.rint(weights), moments)
    assert (found >= best - 1e-9).all()
    assert found.sum() < 0.5 * nearest.sum() and found.sum() < 2 * best.sum()


@pytest.mark.parametrize("width", [40, 300])
def test_the_error_is_the_predicted_one(width):
    weights = np.random.default_rng(0).uniform(-100, 100, (400, width))
    moments = covariance(width)
    found = error(weights, round_weights(weights, moments), moments).mean()
    assert found == pytest.approx(remaining_variance(moments).sum() / 12, rel=0.3)
    assert found < 0.5 * error(weights, np.rint(weights), moments).mean()
    assert remaining_variance(moments, 0).sum() <= np.trace(moments)


def test_numbers_stay_in_range_and_dead_inputs_do_no_harm():
    weights = np.random.default_rng(0).uniform(-127, 127, (4, 6))
    weights[:, 0] = 127
    moments = covariance(6)
    moments[3] = moments[:, 3] = 0
    rounded = round_weights(weights, moments)
    assert np.abs(rounded.astype(int)).max() <= 127
    np.testing.assert_array_equal(rounded[:, 3], np.rint(weights[:, 3]))
    np.testing.assert_array_equal(round_weights(weights, np.zeros((6, 6))), np.rint(weights))


def test_a_covariance_of_nothing_but_rounding_errors_is_not_trusted():
    """Of inputs that are constant but for noise, sums in float32 may leave any matrix."""
    noise = np.random.default_rng(0).standard_normal((6, 6))
    weights = np.random.default_rng(1).uniform(-100, 100, (4, 6))
    rounded = round_weights(weights, noise + noise.T + np.diag(np.full(6, 0.1)))
    assert np.abs(weights - rounded).max() < 1.5
    assert np.isfinite(remaining_variance(noise + noise.T + np.diag(np.full(6, 0.1)))).all()


def test_any_set_of_values_can_be_rounded_to():
    values = np.array([-4.0, -1, 0, 0.5, 3])
    weights, moments = np.random.default_rng(0).uniform(-4, 3, (12, 6)), covariance(6)

    def nearest(column, _):
        return values[np.abs(column[:, None] - values).argmin(axis=1)]

    found = round_columns(weights, moments, nearest)
    plain = np.stack([nearest(column, 0) for column in weights.T], axis=1)
    assert set(found.ravel()) <= set(values)
    assert error(weights, found, moments).sum() < 0.7 * error(weights, plain, moments).sum()
    np.testing.assert_array_equal(round_columns(weights, np.eye(6), nearest), plain)
