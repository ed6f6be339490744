"""Figures as a reader sees them."""

import math

import pytest

from zoo.report import formats
from zoo.report.formats import DASH, MINUS


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (formats.percent, 0.9876, "98.76"),
        (formats.percent, 0.99999, "99.99"),
        (formats.percent, 1.0, "100.00"),
        (formats.cosine, 0.12345678, "0.123457"),
        (formats.points, -0.5, f"{MINUS}0.50"),
        (formats.points, -0.001, "0.00"),
        (formats.decibels, 38.46, "38.5"),
        (formats.decibels, -3.0, f"{MINUS}3.0"),
        (formats.decibels, 200.0, "exact"),
        (formats.decibels, -200.0, "not a number"),
        (formats.millions, 1_520_000, "1.52"),
        (formats.millions, 12_345, "0.012"),
        (formats.millions, 0, "0.00"),
        (formats.millions, 5_600_000_000, "5,600.00"),
        (formats.milliseconds, 1234.5, "1,234"),
        (formats.milliseconds, 14.63, "14.6"),
        (formats.milliseconds, 8.614, "8.61"),
        (formats.milliseconds, 0.1234, "0.123"),
        (formats.rate, 14.63, "14.6"),
        (formats.ratio, 0.586, "0.59"),
        (formats.count, 1_520_000, "1,520,000"),
        (formats.significant, 0.0000031, "3.1e-06"),
        (formats.plain, "int8", "int8"),
    ],
)
def test_a_figure_has_the_digits_that_mean_something(form, value, text):
    assert form(value) == text


NUMERIC = (
    formats.percent,
    formats.cosine,
    formats.points,
    formats.decibels,
    formats.millions,
    formats.milliseconds,
    formats.rate,
    formats.ratio,
    formats.count,
    formats.significant,
)


@pytest.mark.parametrize("form", NUMERIC)
def test_unknown_is_a_dash_and_what_is_no_number_says_so(form):
    assert form(None) == formats.plain(None) == DASH
    assert form(math.nan) == form(math.inf) == "not a number"
