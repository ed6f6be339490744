"""What every page is made of."""

import re

import jinja2
import pytest

from zoo.report.templates import PLOTLY, asset, breakable, environment


def test_a_name_may_break_after_its_underscores_and_stays_text():
    assert breakable("a_b<c") == "a_<wbr>b&lt;c"


def test_what_a_template_lacks_is_an_error_and_no_gap():
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ missing }}").render()
    assert environment().from_string("{{ '<b>' }}").render() == "&lt;b&gt;"


def test_the_library_of_charts_is_named_with_its_licence_and_ends_no_script_element():
    text = asset(PLOTLY)
    assert re.search(r"plotly\.js \(basic - minified\) v\d", text[:200]) and "MIT license" in text[:200]
    assert "</script" not in text and len(text) < 1_300_000
