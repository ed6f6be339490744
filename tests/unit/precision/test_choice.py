import numpy as np

from zoo.precision.choice import choose
from zoo.precision.noise import Effects, decibels

FLOOR = np.array([1e-6])


def effects(**noises: float) -> Effects:
    """Layers whose effects have nothing to do with each other."""
    return Effects(tuple(noises), (np.diag(np.sqrt(list(noises.values()))),))


def test_a_layer_that_ruins_the_answer_is_masked_and_one_that_does_nothing_is_not():
    choice = choose(FLOOR, effects(bad=1e-3, good=1e-9), {"bad": 0.5, "good": 0.5})
    assert list(choice.gains) == ["bad"]
    assert abs(choice.gains["bad"] - 10 * np.log10(1.001e-3 / 1.001e-6)) < 0.01


def test_noise_that_is_spread_evenly_is_taken_away_whole():
    """Masked one after the other, the first of them would gain .4 dB."""
    even = {f"layer{place}": 1e-4 for place in range(12)}
    choice = choose(FLOOR, effects(**even), dict.fromkeys(even, 1 / 12))
    assert set(choice.gains) == set(even)


def test_of_two_that_do_as_much_the_one_with_more_multiply_adds_computes_in_float16():
    pair = effects(large=1.1e-7, small=1.1e-7)
    choice = choose(FLOOR, pair, {"large": 0.9, "small": 0.1}, least_db=59.2)
    assert list(choice.gains) == ["small"]


def test_what_is_to_be_reached_is_kept():
    many = {f"layer{place}": 1e-7 for place in range(20)}
    shares = dict.fromkeys(many, 0.05)
    free = choose(FLOOR, effects(**many), shares)
    kept = choose(FLOOR, effects(**many), shares, least_db=59)
    assert not free.gains and decibels(free.noise) < 56
    assert decibels(kept.noise) >= 59 and 0 < len(kept.gains) < 20


def test_what_is_behind_a_plateau_is_seen():
    """Beside the noise of all of them each mask gains less than half a dB, and together they gain four."""
    many = {f"layer{place}": 1e-5 for place in range(15)}
    shares = dict.fromkeys(many, 0.02)
    floor = np.array([1e-4])
    choice = choose(floor, effects(**many), shares)
    assert max(choice.gains.values()) < 0.5 and len(choice.gains) == 15
    assert not choose(floor, effects(**many), dict.fromkeys(many, 1 / 15)).gains, "for all multiply-adds not"


def test_half_a_db_is_worth_a_twentieth_of_the_multiply_adds():
    gains = {share: len(choose(FLOOR, effects(one=1.3e-7), {"one": share}).gains) for share in (0.04, 0.06)}
    assert gains == {0.04: 1, 0.06: 0}, ".53 dB"


def test_a_layer_without_multiply_adds_is_not_masked_for_next_to_nothing():
    assert not choose(FLOOR, effects(one=1e-9), {}).gains
    assert choose(FLOOR, effects(one=1e-7), {}).gains


def test_the_largest_gain_comes_first():
    choice = choose(FLOOR, effects(a=1e-4, b=1e-3, c=1e-5), {})
    assert list(choice.gains) == ["b", "a", "c"]
