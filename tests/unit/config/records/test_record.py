"""Records: what is written comes back, and what is no such record is refused by name."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from zoo.config.records.record import Record
from zoo.errors import ZooError


@dataclass(frozen=True)
class Part:
    name: str
    shape: tuple[int, ...]
    peak: float | None = None


@dataclass(frozen=True)
class Example(Record):
    KIND: ClassVar[str] = "example"
    VERSION: ClassVar[int] = 3

    model: str
    ratio: float
    parts: tuple[Part, ...] = ()
    sizes: dict[str, int] | None = None


WHOLE = Example("small", 0.5, (Part("a", (3, 8, 8)), Part("b", (5,), 1.5)), {"a.bin": 12})


def test_a_record_comes_back_from_its_file(tmp_path: Path):
    WHOLE.write(tmp_path / "example.json")
    assert json.loads((tmp_path / "example.json").read_text())["version"] == 3
    assert Example.read(tmp_path / "example.json") == WHOLE


def test_a_whole_number_is_a_number():
    assert Example.from_dict({"version": 3, "model": "small", "ratio": 1}).ratio == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, r"version 2, not 3.*delete it"),
        ({"version": None}, r"version None, not 3"),
        ({"model": 5}, r"broken example.*\$\.model"),
        ({"ratio": None}, r"broken example.*\$\.ratio"),
        ({"parts": [{"name": "a", "shape": ["wide"]}]}, r"broken example.*\$\.parts\[0\]\.shape\[0\]"),
    ],
)
def test_a_record_that_is_none_is_refused_by_name(change: dict[str, object], said: str):
    with pytest.raises(ZooError, match=rf"^results/x\.json: .*{said}"):
        Example.from_dict(WHOLE.to_dict() | change, "results/x.json")


@pytest.mark.parametrize("values", [None, 3, "text", [], {}])
def test_what_is_no_mapping_is_refused(values: object):
    with pytest.raises(ZooError, match="this example: no example as this version"):
        Example.from_dict(values)


def test_a_missing_field_is_named():
    values = WHOLE.to_dict()
    del values["model"]
    with pytest.raises(ZooError, match="missing required field `model`"):
        Example.from_dict(values)
