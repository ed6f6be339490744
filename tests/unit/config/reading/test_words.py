"""Values are told in YAML's words."""

from datetime import date, datetime
from typing import Any

import pytest

from zoo.config.reading.words import listed, reason, said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (7, "7"),
        ("cpu", "'cpu'"),
        (date(2024, 1, 1), "2024-01-01"),
        (datetime(2024, 1, 1, 12), "2024-01-01T12:00:00"),
        (["cpu", None, False], "[cpu, null, false]"),
        ({"timm": "x", "args": {"a": [1]}}, "{timm: x, args: {a: [1]}}"),
        (["a\nb"], '["a\\nb"]'),
        (b"a", "!!binary"),
    ],
)
def test_a_value_is_told_as_it_would_be_written(value: Any, text: str):
    assert said(value) == text


def test_a_long_value_is_cut():
    assert len(said(list(range(1000)))) == len(said("x" * 1000)) == 60


def test_words_are_put_in_a_row():
    assert listed(["a"]) == "a" and listed(["a", "b"]) == "a or b" and listed("abc") == "a, b or c"


def test_a_reason_has_no_number():
    assert reason(PermissionError(13, "Permission denied")) == "permission denied"
    assert reason(OSError("odd")) == "the disk does not answer"
