"""What other images say of the ranges that calibration set."""

import numpy as np
import pytest

from samples.statistics import statistics_of
from zoo.calibration.coverage import covered
from zoo.errors import ZooError

RANDOM = np.random.default_rng(0)
FIRST, SECOND = (RANDOM.uniform(-1, 1, (500, 3)).astype(np.float32) for _ in range(2))


def test_a_set_covers_itself():
    ours = statistics_of({"a": FIRST, "b": SECOND})
    for layer in covered(ours, ours):
        assert (layer.excess, layer.channels, layer.clipped) == (1, 0, 0)


def test_shares_are_those_of_the_values():
    other = FIRST.copy()
    other[:, 1] *= 4
    (layer,) = covered(statistics_of({"a": FIRST}), statistics_of({"a": other}))
    largest = np.abs(FIRST).max()
    assert layer.excess == pytest.approx(np.abs(other).max() / largest)
    assert layer.channels == pytest.approx(1 / 3)
    assert layer.clipped == pytest.approx((np.abs(other) > largest).mean(), abs=5e-3)


def test_an_input_that_was_all_zero_is_exceeded_by_any():
    nothing = np.zeros((9, 2), np.float32)
    (layer,) = covered(statistics_of({"a": nothing}), statistics_of({"a": FIRST[:, :2]}))
    assert (layer.excess, layer.channels, layer.clipped) == (1, 1, 1)
    (layer,) = covered(statistics_of({"a": nothing}), statistics_of({"a": nothing}))
    assert (layer.excess, layer.channels, layer.clipped) == (0, 0, 0)


def test_layers_that_read_the_same_blob_are_told_once():
    ours = statistics_of({"a": FIRST})
    ours.inputs["b"] = ours.inputs["a"]
    assert [layer.layer for layer in covered(ours, ours)] == ["a"]


def test_statistics_of_another_model_are_refused():
    with pytest.raises(ZooError, match="another model"):
        covered(statistics_of({"a": FIRST}), statistics_of({"b": FIRST}))
    with pytest.raises(ZooError, match="another model"):
        covered(statistics_of({"a": FIRST}, "x"), statistics_of({"a": FIRST}, "y"))
