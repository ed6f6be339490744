"""Closeness of tensors, against closed forms."""

import numpy as np
import pytest

from zoo.measure.metrics import MAX_DB, cosine, max_abs_error, sqnr_db, top1_agreement, topk_accuracy


def test_cosine_of_known_angles():
    east, north, both = np.array([2.0, 0]), np.array([0, 3.0]), np.array([1.0, 1.0])
    assert cosine(east, east) == 1.0
    assert cosine(east, north) == 0.0
    assert cosine(east, both) == pytest.approx(np.sqrt(0.5))
    assert cosine(east, -east) == -1.0


def test_cosine_of_zero_and_of_nan_lets_nothing_pass():
    zero, one = np.zeros(3), np.ones(3)
    assert cosine(zero, zero) == 1.0
    assert cosine(zero, one) == 0.0
    assert cosine(one, np.array([1, np.nan, 1])) == 0.0
    assert cosine(one, np.array([1, np.inf, 1])) == 0.0


def test_sqnr_of_a_known_error():
    signal = np.full(100, 10.0)
    assert sqnr_db(signal, signal + 1) == pytest.approx(20)  # power 100 over power 1
    assert sqnr_db(signal, signal + 0.1) == pytest.approx(40)


def test_sqnr_of_uniform_rounding_is_that_of_theory():
    values = np.random.default_rng(0).uniform(-127, 127, 200_000)
    power = 127**2 / 3  # of the uniform signal; rounding to integers has power 1/12
    assert sqnr_db(values, np.round(values)) == pytest.approx(10 * np.log10(12 * power), abs=0.05)


def test_sqnr_has_limits():
    assert sqnr_db(np.ones(3), np.ones(3)) == MAX_DB
    assert sqnr_db(np.ones(3), np.array([1, np.nan, 1])) == -MAX_DB
    assert sqnr_db(np.zeros(3), np.ones(3)) == -MAX_DB


def test_max_abs_error():
    assert max_abs_error(np.array([1.0, 2.0]), np.array([1.5, 1.0])) == 1.0


def test_agreement_and_accuracy_count_rows():
    logits = np.array([[3.0, 2, 1], [1, 2, 3], [1, 3, 2]])
    other = np.array([[3.0, 2, 1], [3, 2, 1], [1, 3, 2]])
    assert top1_agreement(logits, other) == pytest.approx(2 / 3)
    labels = np.array([0, 2, 2])
    assert topk_accuracy(logits, labels, 1) == pytest.approx(2 / 3)
    assert topk_accuracy(logits, labels, 2) == 1.0


def test_of_a_single_score_the_decision_must_agree():
    reference, other = (
        np.float32(values)[:, None] for values in ([0.9, 0.6, 0.2, 0.4], [0.5, 0.4, 0.1, 0.6])
    )
    assert top1_agreement(reference, reference) == 1
    assert top1_agreement(reference, other) == 0.5
