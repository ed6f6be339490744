"""Records come back as they were written, or are refused by name."""

import pytest

from zoo.errors import ZooError
from zoo.jobs.records import read_json, write_json


def test_a_record_comes_back(tmp_path):
    record = {"name": "Kätzchen", "numbers": [1, 0.1, -200.0], "none": None, "more": {"passed": True}}
    write_json(record, tmp_path / "new" / "a.json")
    assert read_json(tmp_path / "new" / "a.json") == record
    assert "Kätzchen" in (tmp_path / "new" / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_does_not_have_is_refused_and_leaves_the_old_record(value, tmp_path):
    write_json({"a": 1}, tmp_path / "a.json")
    with pytest.raises(ValueError):
        write_json({"a": value}, tmp_path / "a.json")
    assert read_json(tmp_path / "a.json") == {"a": 1}


DEEP = b'{"a":' * 100_000


@pytest.mark.parametrize(
    "content", [b"", b'{"a": 1', b"[1]", b"null", b"\xff\xfe{}", DEEP, b'{"a": "\\ud800"}']
)
def test_a_damaged_record_is_named(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ZooError, match=r"a\.json: .*delete it to have it made again"):
        read_json(tmp_path / "a.json")


def test_a_character_in_two_halves_is_text(tmp_path):
    (tmp_path / "a.json").write_text('{"a": "\\ud83d\\ude00"}')
    assert read_json(tmp_path / "a.json") == {"a": "😀"}


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(ZooError, match=r"gone\.json: cannot be read"):
        read_json(tmp_path / "gone.json")
