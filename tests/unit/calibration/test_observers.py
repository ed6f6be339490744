"""Observers against closed forms, scipy and brute force on known distributions."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special, stats

from samples.statistics import input_statistics
from zoo.calibration.bounds import Bound
from zoo.calibration.histogram import Histogram
from zoo.calibration.observers import (
    GAUSSIAN_CLIP,
    LAPLACE_CLIP,
    OBSERVERS,
    aciq,
    kl_bin,
    mse,
    ncnn_kl_bin,
    percentile,
    threshold,
)
from zoo.calibration.statistics import BLOB_BINS
from zoo.errors import ZooError

DISTRIBUTIONS = {
    "uniform": stats.uniform(-1, 2),
    "gaussian": stats.norm(0, 3),
    "laplace": stats.laplace(0, 0.5),
    "heavy": stats.t(3),
    "relu": stats.halfnorm(0, 2),
}


def drawn(name: str, size: int = 200_000) -> np.ndarray:
    return DISTRIBUTIONS[name].rvs(size, random_state=np.random.default_rng(0)).astype(np.float32)


def histogram(values: np.ndarray) -> Histogram:
    return Histogram.empty(1, *BLOB_BINS).add(values)


def squared_error(values: np.ndarray, limit: float) -> float:
    step = limit / 127
    rounded = np.clip(np.trunc(values / step + np.copysign(0.5, values)), -127, 127) * step
    return float(np.mean((values - rounded) ** 2))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("percent", [90, 99, 99.9])
def test_percentiles_are_those_of_the_distribution(name, percent):
    exact = np.percentile(np.abs(drawn(name)), percent)
    assert percentile(histogram(drawn(name)), percent) == pytest.approx(exact, rel=1e-3)
    tails = DISTRIBUTIONS[name]
    limit = optimize.brentq(lambda t: tails.cdf(t) - tails.cdf(-t) - percent / 100, 1e-9, 1e3)
    assert percentile(histogram(drawn(name)), percent) == pytest.approx(limit, rel=0.05)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_mse_is_as_good_as_brute_force_on_the_values(name):
    values = drawn(name, 20_000)
    largest = float(np.abs(values).max())
    brute = min(squared_error(values, largest * share) for share in np.linspace(0.02, 1, 400))
    assert squared_error(values, mse(histogram(values), largest)) <= 1.002 * brute


def test_mse_clips_an_outlier_but_nothing_of_a_uniform_distribution():
    uniform = drawn("uniform")
    assert mse(histogram(uniform), 1.0) == pytest.approx(1, rel=0.01)
    outlier = np.append(uniform, np.float32(3))
    brute = min(np.linspace(1, 3, 201), key=lambda t: squared_error(outlier, t))
    assert mse(histogram(outlier), 3.0) == pytest.approx(brute, rel=0.01)
    assert 1.2 < brute < 2


def test_aciq_clips_where_the_closed_forms_are_least():
    # t exp(t) = 12 * 127^2 for Laplace
    assert pytest.approx(special.lambertw(12 * 127**2).real, rel=1e-9) == LAPLACE_CLIP

    def gaussian(t: float) -> float:
        clipped = 2 * stats.norm.expect(lambda x: (x - t) ** 2, lb=t)
        return float(clipped + t**2 / (12 * 127**2))

    least = optimize.minimize_scalar(gaussian, bounds=(2, 8), method="bounded", options={"xatol": 1e-7})
    assert pytest.approx(least.x, rel=1e-3) == GAUSSIAN_CLIP


@pytest.mark.parametrize(
    ("name", "limit"),
    [("gaussian", 3 * GAUSSIAN_CLIP), ("relu", 2 * GAUSSIAN_CLIP), ("laplace", 0.5 * LAPLACE_CLIP)],
)
def test_aciq_tells_the_distribution_and_its_width(name, limit):
    assert aciq(histogram(drawn(name)), 1e9) == pytest.approx(limit, rel=0.01)


def test_aciq_is_near_the_best_threshold_for_what_it_assumes():
    for name in ("gaussian", "laplace"):
        values = drawn(name)
        largest = float(np.abs(values).max())
        assert aciq(histogram(values), largest) == pytest.approx(mse(histogram(values), largest), rel=0.1)


def overlap(start: float, end: float, bin_: int) -> float:
    return max(0.0, min(end, bin_ + 1) - max(start, bin_))


def ncnn_divergence(mass: np.ndarray, kept: int, levels: int) -> float:
    """The definition, bin by bin and level by level."""
    clipped = [mass[i] + 1e-4 for i in range(kept)]
    clipped[-1] += sum(mass[kept:])
    width = kept / levels
    expanded = [1e-4] * kept
    for level in range(levels):
        shares = [overlap(level * width, (level + 1) * width, i) for i in range(kept)]
        average = sum(share * each for share, each in zip(shares, mass, strict=False)) / width
        expanded = [each + share * average for each, share in zip(expanded, shares, strict=True)]
    return sum(p * math.log(p / q) for p, q in zip(clipped, expanded, strict=True))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_kl_by_sums_is_kl_by_definition(name):
    values = np.abs(drawn(name, 5000))
    mass = np.histogram(values, 96, (0, values.max()))[0] / values.size
    brute = [ncnn_divergence(mass, kept, 16) for kept in range(16, 96)]
    chosen = ncnn_kl_bin(mass, levels=16)
    assert brute[chosen - 16] == pytest.approx(min(brute), abs=1e-9)


def test_the_corrected_kl_keeps_all_of_a_uniform_distribution_and_drops_outliers():
    uniform = np.full(2048, 1 / 2048)
    assert kl_bin(uniform) > 2000
    outlier = np.zeros(2048)
    outlier[:512], outlier[-1] = 1 / 512, 1e-6
    assert 400 < kl_bin(outlier / outlier.sum()) < 700


def test_the_corrected_kl_is_not_less_exact_than_ncnns_on_a_gaussian():
    values = drawn("gaussian")
    largest = float(np.abs(values).max())
    corrected, ncnn = (OBSERVERS[name](histogram(values), largest) for name in ("kl", "kl_ncnn"))
    assert squared_error(values, corrected) <= squared_error(values, ncnn)


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_threshold_is_usable(observer, name):
    statistics = input_statistics(drawn(name, 4000).reshape(-1, 4))
    largest = float(statistics.absmax.max())
    assert 0 < threshold(observer, statistics) <= largest
    assert threshold(observer, statistics, Bound(0, largest / 2), margin=10) == largest / 2


@pytest.mark.parametrize("observer", OBSERVERS)
def test_the_dead_and_the_nearly_dead_are_safe(observer):
    assert threshold(observer, input_statistics(np.zeros((50, 3), np.float32))) == 0
    for only in (1e-30, 1.0, 1e30):
        values = np.zeros((5000, 1), np.float32)
        values[7] = only
        assert 0 < threshold(observer, input_statistics(values)) <= np.float32(only)


def test_an_unsampled_peak_leaves_absmax():
    seen = input_statistics(np.zeros((50, 3), np.float32))
    peak = replace(seen, absmax=np.float32([0, 2, 0]))
    assert {threshold(observer, peak) for observer in OBSERVERS} == {2.0}


def test_known_bounds_cap_a_margin():
    relu6 = input_statistics(np.full((10, 1), 5.9, np.float32))
    assert threshold("absmax", relu6, Bound(0, 6), margin=1.2) == 6
    assert threshold("absmax", relu6, Bound(0, 6)) == pytest.approx(5.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"observer": "best"}, "unknown observer 'best'; known: absmax"),
        ({"margin": 0.0}, "margin"),
        ({"margin": math.nan}, "margin"),
        ({"percent": 0.0}, "percentile"),
        ({"percent": 101.0}, "percentile"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    statistics = input_statistics(np.ones((3, 1), np.float32))
    with pytest.raises(ZooError, match=message):
        threshold(**{"observer": "absmax", "statistics": statistics} | arguments)
