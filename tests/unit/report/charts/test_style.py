"""What charts share."""

import math

import pytest

from zoo.report.charts.style import COLOURS, OTHER_COLOUR, colour, diameter, layout


def test_precisions_have_a_colour_whatever_their_variant():
    assert colour("int8 static") == colour("int8") == COLOURS["int8"]
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert colour("int4") == OTHER_COLOUR


@pytest.mark.parametrize(("size", "other"), [(4e6, 1e6), (9e6, 4e6)])
def test_the_area_of_a_marker_stands_for_the_size(size, other):
    ratio = diameter(int(size), 10**7) / diameter(int(other), 10**7)
    assert ratio == pytest.approx(math.sqrt(size / other), abs=0.02)


def test_a_marker_can_be_seen_however_small_the_file():
    assert diameter(None, 10**9) == diameter(1, 10**9) == 8
    assert diameter(10**9, 10**9) == 34


def test_no_two_charts_share_an_axis():
    first, second = layout("a", "b"), layout("c", "d")
    first["xaxis"]["range"] = [0, 1]
    assert "range" not in first["yaxis"] and "range" not in second["xaxis"]
    assert (second["xaxis"]["title"]["text"], second["yaxis"]["title"]["text"]) == ("c", "d")
