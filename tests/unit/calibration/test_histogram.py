"""Histograms of |x|: exact to merge, narrow bins, against numpy."""

import numpy as np
import pytest

from zoo.calibration.histogram import Histogram


def spread(rows: int, size: int = 3000) -> np.ndarray:
    random = np.random.default_rng(0)
    values = random.standard_normal((size, rows)) * 10 ** random.uniform(-6, 3, (size, rows))
    values[:5] = 0
    return values.astype(np.float32)


def same(first: Histogram, second: Histogram) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("top", "counts", "below", "zeros")
    )


@pytest.mark.parametrize("rows", [1, 6])
def test_neither_order_nor_shares_matter(rows):
    values, empty = spread(rows), Histogram.empty(rows, 5, 8)
    values[:, -1] *= 0 if rows > 1 else 1  # a channel without values
    whole = empty.add(values)
    assert same(whole, empty.add(values[:100]).add(values[100:900]).merge(empty.add(values[900:])))
    assert same(whole, empty.add(values[::-1]))
    ascending = empty
    for part in np.array_split(values[np.abs(values).max(axis=1).argsort()], 20):
        ascending = ascending.add(part)
    assert same(whole, ascending)
    assert (whole.total == len(values)).all()


def test_a_histogram_keeps_its_size():
    counts = Histogram.empty(1, 5, 8).add(spread(1)).counts
    assert counts.shape == Histogram.empty(1, 5, 8).add(spread(1) * 1e20).counts.shape == (1, 8 << 5)


def test_every_value_lies_in_its_bin():
    values = np.abs(spread(1))
    histogram = Histogram.empty(1, 5, 8).add(values)
    edges = histogram.edges()
    expected, _ = np.histogram(values, edges)
    np.testing.assert_array_equal(histogram.counts[0], expected)
    assert histogram.below[0] == ((values > 0) & (values < edges[0])).sum()
    assert histogram.zeros[0] == (values == 0).sum() == 5
    assert (np.diff(edges) / edges[:-1]).max() <= 2**-5 + 1e-12


@pytest.mark.parametrize("fraction", [0.5, 0.99, 0.999, 1.0])
def test_quantiles_of_each_row(fraction):
    values = spread(4)
    found = Histogram.empty(4, 8, 24).add(values).quantile(fraction)
    np.testing.assert_allclose(found, np.quantile(np.abs(values), fraction, axis=0), rtol=0.02)


def test_quantiles_of_zeros_are_zero():
    values = np.float32([[0, 0], [0, 0], [0, 5], [0, 0]])
    histogram = Histogram.empty(2, 5, 8).add(values)
    np.testing.assert_array_equal(histogram.quantile(0.75), [0, 0])
    assert histogram.quantile(1.0)[0] == 0
    assert histogram.quantile(1.0)[1] == pytest.approx(5, rel=0.04)
    np.testing.assert_array_equal(Histogram.empty(2, 5, 8).quantile(0.99), [0, 0])


def test_equal_bins_hold_what_numpy_counts():
    values = np.abs(np.random.default_rng(0).standard_normal(100_000).astype(np.float32))
    found = Histogram.empty(1, 10, 16).add(values).linear(512, float(values.max()))
    expected, _ = np.histogram(values, 512, (0, values.max()))
    assert found.sum() == pytest.approx(values.size)
    assert np.abs(found - expected).max() < 40  # neighbours share a bin's values by length
    np.testing.assert_allclose(np.cumsum(found), np.cumsum(expected), atol=40)


def test_the_distribution_has_the_moments_of_the_values():
    values = spread(1)
    middles, counts = Histogram.empty(1, 10, 16).add(values).distribution()
    assert counts.sum() == values.size
    assert counts @ middles / values.size == pytest.approx(np.abs(values).mean(), rel=1e-3)


def test_the_share_above_a_limit_is_that_of_the_values():
    values = np.concatenate([np.zeros(100), np.random.default_rng(0).uniform(0, 4, 900)]).astype(np.float32)
    histogram = Histogram.empty(1, 10, 4).add(values)
    for limit in (0.0, 1e-3, 0.7, 3.2):
        assert histogram.above(limit) == pytest.approx((values > limit).mean(), abs=2e-3)
    assert histogram.above(4.0) == 0
    assert Histogram.empty(1, 10, 4).above(0.0) == 0
