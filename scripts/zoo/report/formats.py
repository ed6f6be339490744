"""Figures as a reader sees them: unknown is a dash, and no share is rounded up to 100 %."""

import math
from collections.abc import Callable, Iterable
from functools import wraps

from zoo.measure.metrics import MAX_DB

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def _or_dash(format_value: Callable[[float], str]) -> Callable[[float | None], str]:
    @wraps(format_value)
    def format_optional(value: float | None) -> str:
        if value is None:
            return DASH
        return format_value(value) if math.isfinite(value) else "not a number"

    return format_optional


@_or_dash
def percent(value: float) -> str:
    """A share of 0 to 1 in percent, two decimals; below 1 never 100."""
    return "99.99" if 0.9999 < value < 1 else f"{100 * value:.2f}"


@_or_dash
def cosine(value: float) -> str:
    """Six decimals."""
    return f"{value:.6f}"


@_or_dash
def points(value: float) -> str:
    """Percentage points, two decimals, with a minus sign that a reader can tell from a dash."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", MINUS)


@_or_dash
def decibels(value: float) -> str:
    """One decimal; the limits of `zoo.measure.metrics` in words."""
    if value >= MAX_DB:
        return "exact"
    return "not a number" if value <= -MAX_DB else f"{value:.1f}".replace("-", MINUS)


@_or_dash
def millions(value: float) -> str:
    """A count over 10^6 (bytes to MB, parameters to M): two decimals, more below 0.1."""
    scaled = value / 1e6
    return f"{scaled:,.2f}" if scaled >= 0.1 or not scaled else f"{scaled:.2g}"


@_or_dash
def milliseconds(value: float) -> str:
    """Three significant digits, as a plain number."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


rate = milliseconds
"""Frames per second: the same."""


@_or_dash
def ratio(value: float) -> str:
    """Two decimals."""
    return f"{value:.2f}"


@_or_dash
def count(value: float) -> str:
    """A whole number with thousands separators."""
    return f"{value:,.0f}"


@_or_dash
def significant(value: float) -> str:
    """Three significant digits, in powers of ten where that is shorter."""
    return f"{value:.3g}"


def numbers(values: Iterable[float]) -> str:
    """Some numbers with two decimals, in their order."""
    return " ".join(f"{value:.2f}" for value in values)


def plain(value: object) -> str:
    """Text as it is."""
    return DASH if value is None else str(value)
