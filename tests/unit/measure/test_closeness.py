"""How close outputs are, against what can be worked out by hand."""

import numpy as np
import pytest

from zoo.config.records.verification import Cosine
from zoo.measure.closeness import closeness
from zoo.measure.gates import gate_failures
from zoo.measure.metrics import cosine, sqnr_db

STRICT = {"min_cosine": 0.99999, "min_sqnr_db": 90, "min_top1_agreement": 1.0, "max_abs_error": 1e-3}


def test_the_numbers_of_known_differences():
    expected, got = np.float32([[3, 4], [1, 0], [0, 2]]), np.float32([[3, 4], [0, 1], [0, 1]])
    numbers = closeness((expected,), (got,), "abc")
    assert numbers.images == 3 and numbers.max_abs_error == 1.0
    assert numbers.cosine == Cosine(0.0, pytest.approx(2 / 3))
    assert numbers.sqnr_db == pytest.approx(10 * np.log10(30 / 3))
    assert numbers.top1_agreement == pytest.approx(2 / 3)


def heads(noisy: int, factor: float = 0.9):
    """Expected and found: a map and scores of 2 images, of which one is off by a factor for the first."""
    generator = np.random.default_rng(0)
    expected = tuple(generator.standard_normal((2, *shape), np.float32) for shape in [(3, 4, 4), (5,)])
    found = tuple(each.copy() for each in expected)
    found[noisy][0] *= np.float32(factor)
    return expected, found


@pytest.mark.parametrize("noisy", [0, 1])
def test_the_numbers_of_several_outputs_are_those_of_the_worst(noisy):
    expected, found = heads(noisy)
    numbers = closeness(expected, found, "ab", classifies=False)
    good, bad = numbers.outputs[1 - noisy], numbers.outputs[noisy]
    assert [each.shape for each in numbers.outputs] == [(3, 4, 4), (5,)]
    assert (good.sqnr_db, good.max_abs_error, good.cosine.min) == (200.0, 0.0, pytest.approx(1))
    energy = np.square(expected[noisy], dtype=np.float64)
    assert bad.sqnr_db == pytest.approx(10 * np.log10(energy.sum() / (0.01 * energy[0].sum())), abs=1e-4)
    assert bad.max_abs_error == pytest.approx(0.1 * np.abs(expected[noisy][0]).max(), rel=1e-5)
    assert numbers.images == 2 and numbers.top1_agreement is None
    assert (numbers.sqnr_db, numbers.max_abs_error) == (bad.sqnr_db, bad.max_abs_error)


@pytest.mark.parametrize("noisy", [0, 1])
def test_the_worst_cosine_is_found_in_any_output(noisy):
    expected, found = heads(noisy, -1)
    numbers = closeness(expected, found, "ab", classifies=False)
    assert numbers.cosine == Cosine(pytest.approx(-1), pytest.approx(0, abs=1e-12))
    assert numbers.cosine == numbers.outputs[noisy].cosine
    assert len(gate_failures(numbers, STRICT)) == 3


@pytest.mark.parametrize("broken", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_the_worst_wherever_it_is(broken, value):
    expected, found = heads(broken, 1)
    found[broken][1].flat[0] = value
    numbers = closeness(expected, found, "ab", classifies=False)
    assert (numbers.cosine.min, numbers.sqnr_db, numbers.max_abs_error) == (0.0, -200.0, None)


def test_one_output_is_not_listed_and_a_scalar_is_one_number_an_image():
    expected = np.float32([1, -2, 4])
    numbers = closeness((expected,), (expected * np.float32(1.5),), "abc", classifies=False)
    assert numbers.outputs == ()
    assert numbers.sqnr_db == pytest.approx(10 * np.log10(4)) and numbers.max_abs_error == 2
    assert numbers.cosine == Cosine(pytest.approx(1), pytest.approx(1))


def test_other_numbers_of_outputs_are_not_compared():
    with pytest.raises(ValueError):
        closeness((np.zeros((1, 2)),), (np.zeros((1, 2)),) * 2, "a")


def test_classes_are_compared_whatever_the_shape_of_the_logits():
    generator = np.random.default_rng(1)
    expected, got = (generator.standard_normal((6, 4), np.float32) for _ in range(2))
    share = float(np.mean(expected.argmax(1) == got.argmax(1)))
    for shape in ((6, 4), (6, 1, 4), (6, 4, 1, 1)):
        assert closeness((expected.reshape(shape),), (got.reshape(shape),), "abcdef").top1_agreement == share


def test_the_worst_output_and_image_are_named():
    expected, found = heads(1, 0.5)
    worst = closeness(expected, found, ("a.png", "b.png"), classifies=False).worst
    assert (worst.output, worst.image) == (1, "a.png")
    assert worst.cosine == pytest.approx(1) and worst.sqnr_db == pytest.approx(10 * np.log10(4))


def two_images(second, error):
    """Expected and found outputs of two images: the first ranges to 1 and is right, the second is not."""
    expected = np.float32([[1, -0.5, 0.25], second])
    return (expected,), (expected + np.float32([[0, 0, 0], error]),)


@pytest.mark.parametrize(
    ("second", "error"),
    [
        ([1e-7, 0, 0], [0, 9e-4, 0]),  # an error far below what the output can be
        ([3e-3, 0, 0], [-3e-3, 5e-3, 0]),  # both outputs all but zero, as in int8
        ([0, 0, 0], [1e-6, 0, 0]),
    ],
)
def test_an_error_far_below_what_an_output_can_be_is_none(second, error):
    expected, got = two_images(second, error)
    assert cosine(expected[0][1], got[0][1]) < 0.6, "a cosine alone would refuse it"
    numbers = closeness(expected, got, "ab", classifies=False)
    assert numbers.cosine == Cosine(pytest.approx(1), pytest.approx(1))
    assert numbers.worst.image == "b"
    assert numbers.sqnr_db == pytest.approx(sqnr_db(expected[0], got[0])), "the figure itself stays as it is"


@pytest.mark.parametrize(("second", "error"), [([0.05, 0, 0], [0, 0.05, 0]), ([1e-3, 0, 0], [0, 0.02, 0])])
def test_an_error_that_an_output_shows_counts_for_the_smallest_image(second, error):
    expected, got = two_images(second, error)
    assert closeness(expected, got, "ab", classifies=False).cosine.min < 0.75
