"""The error of one layer from statistics: predictions against measurements, and choices that generalize."""

import numpy as np
import pytest

from samples.statistics import statistics_of
from zoo.calibration.bounds import Bound
from zoo.calibration.layer_input import LayerInput
from zoo.quantize.apply import rounded_weights
from zoo.quantize.local_error import LocalError, clips, golden_section, round_input, weight_steps


def source(columns):
    return LayerInput.of(statistics_of({"c": columns.astype(np.float32)}), "c")


def correlated(count=500, width=24, seed=0):
    random = np.random.default_rng(seed)
    mixing = random.standard_normal((width, width)) * np.geomspace(3, 0.1, width)
    return random.standard_normal((count, width)) @ mixing.T


ROWS = np.random.default_rng(5).standard_normal((60, 24))


def test_thresholds_by_alpha_and_margin():
    absmax = np.array([8.0, 2.0, 0.0])
    np.testing.assert_allclose(clips(absmax, 0.0), [8, 8, 8])
    np.testing.assert_allclose(clips(absmax, 1.0, margin=1.5), [12, 3, 12 / 64])
    np.testing.assert_allclose(clips(absmax, 0.5), [8, 4, 1])
    np.testing.assert_allclose(clips(absmax, 0.5, limit=6), [6, 4, 1])
    np.testing.assert_array_equal(clips(np.zeros(3), 0.5), [127, 127, 127])


def test_inputs_round_halves_away_from_zero_and_clip():
    np.testing.assert_array_equal(
        round_input(np.array([[0.25, -0.25, 0.2, 200.0]]), np.full(4, 0.5)), [[1, -1, 0, 127]]
    )


def test_a_row_of_zeros_has_a_harmless_step():
    np.testing.assert_allclose(
        weight_steps(np.array([[0.0, 0], [3, -1], [1e-38, 0]]), np.array([1, 10.0])), [10, 10 / 127, 10]
    )


@pytest.mark.parametrize("rounding", ["nearest", "gptq"])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_predictions_are_close_to_what_is_measured(rounding, alpha):
    given = source(correlated())
    error = LocalError(given, ROWS, rounding == "gptq")
    clip = clips(given.absmax, alpha, 2.0)  # nothing is clipped in either half
    levels, steps = rounded_weights(ROWS, given.spread(clip) / 127, given, rounding)
    measured = error.measured(clip, levels, steps)
    assert error.predicted(alpha, 2.0) == pytest.approx(measured, rel=0.25)


def test_the_measured_error_is_that_of_the_two_products():
    columns = correlated(50).astype(np.float32)
    given = source(columns).shifted(0.5)
    clip = np.full(24, 5.0)
    levels = np.random.default_rng(1).integers(-127, 128, (60, 24)).astype(np.int8)
    steps = np.full(60, 0.01)
    exact = columns @ ROWS.T
    kept = np.sort(given.sample, axis=0)
    np.testing.assert_allclose(kept, np.sort(columns - np.float32(0.5), axis=0))
    inexact = round_input(columns - np.float32(0.5), np.full(24, 5 / 127)) @ (levels * 0.01).T
    difference = (exact - 0.5 * ROWS.sum(axis=1)) - inexact
    expected = np.sum((difference - difference.mean(axis=0)) ** 2) / np.sum(exact**2)
    assert LocalError(given, ROWS, gptq=False).measured(clip, levels, steps) == pytest.approx(expected)


def test_channels_of_different_size_want_their_own_thresholds():
    error = LocalError(
        source(correlated() * np.geomspace(10, 0.1, 24)), ROWS * np.geomspace(0.1, 10, 24), True
    )
    assert error.predicted(1.0, 1.1) < 0.1 * error.predicted(0.0, 1.1)


def test_channels_that_are_rarely_alive_do_not():
    """Each channel's largest value is seen in one half of the images only."""
    random = np.random.default_rng(0)
    columns = np.abs(random.standard_normal((500, 24))) * (random.random((500, 24)) < 0.004)
    error = LocalError(source(columns), ROWS, gptq=False)
    assert error.predicted(0.0, 1.1) < 0.5 * error.predicted(1.0, 1.1)


def test_no_threshold_beyond_what_the_input_can_be():
    columns = np.clip(correlated(), 0, 6)
    given = LayerInput.of(statistics_of({"c": columns.astype(np.float32)}), "c", Bound(0, 6))
    error = LocalError(given, ROWS, gptq=False)
    assert error.predicted(0.0, 1.0) == error.predicted(0.0, 5.0)


def test_a_shifted_input_reaches_from_end_to_end():
    columns = np.array([[0, 1], [6, 2], [3, 0]], np.float32)
    given = LayerInput.of(statistics_of({"c": columns}), "c", Bound(0, 6)).shifted(3.0)
    np.testing.assert_array_equal(given.absmax, [3, 3])
    assert (given.bound.low, given.bound.high) == (-3, 3)
    np.testing.assert_allclose(given.mean, columns.mean(axis=0) - 3, atol=1e-6)
    wide = LayerInput.of(statistics_of({"c": columns}), "c", Bound(low=0)).shifted(1.0)
    np.testing.assert_array_equal(wide.absmax, [5, 1])


def test_the_error_of_a_shifted_input_is_that_of_a_layer_that_reads_it():
    given = LayerInput.of(statistics_of({"c": np.maximum(correlated(), 0).astype(np.float32)}), "c", Bound(0))
    moved = LocalError(given, ROWS, gptq=True).shifted(1.5)
    anew = LocalError(given.shifted(1.5), ROWS, gptq=True)
    assert moved.predicted(0.5, 1.1) == pytest.approx(anew.predicted(0.5, 1.1))


def test_an_input_of_zeros_and_weights_of_zeros_give_no_error():
    zeros = source(np.zeros((20, 24)))
    assert LocalError(zeros, ROWS, gptq=True).predicted(0.5, 1.0) == 0
    assert LocalError(source(correlated()), 0 * ROWS, gptq=True).predicted(0.5, 1.0) == 0


def test_golden_section_finds_the_minimum():
    assert golden_section(lambda x: (x - 0.7) ** 2, -2, 3, 1e-6) == pytest.approx(0.7, abs=1e-5)
    assert golden_section(lambda x: x, 1, 2, 1e-3) == pytest.approx(1, abs=1e-3)
