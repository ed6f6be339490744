from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from zoo.cache import key as module
from zoo.cache.key import Ingredients


@dataclass
class Job:
    input: list[str]
    output: list[str] = field(default_factory=list)
    rule: str = "torchscript"
    params: dict[str, Any] = field(default_factory=lambda: {"code": "1234"})
    wildcards: dict[str, str] = field(default_factory=lambda: {"model": "mine"})


def key(folder: Path, content: str = "weights", anywhere: bool = False, **different: Any) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "in").write_text(content)
    return Ingredients.of(Job([str(folder / "in")], **different), anywhere).key()


def test_where_the_inputs_lie_does_not_matter(tmp_path: Path):
    assert key(tmp_path / "a") == key(tmp_path / "b")


@pytest.mark.parametrize(
    "different",
    [
        {"content": "others"},
        {"rule": "onnx"},
        {"params": {"code": "5678"}},
        {"params": {"code": "1234", "opset": 17}},
        {"wildcards": {"model": "another"}},
    ],
)
def test_whatever_files_are_made_of_makes_another_key(tmp_path: Path, different: dict[str, Any]):
    assert key(tmp_path, **different) != key(tmp_path)


def test_the_processor_counts_but_for_files_that_come_out_the_same_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here = key(tmp_path), key(tmp_path, anywhere=True)
    monkeypatch.setattr(module, "_accelerator", lambda: "another GPU")
    there = key(tmp_path), key(tmp_path, anywhere=True)
    assert (here[0] == there[0], here[1] == there[1]) == (False, True)


def test_a_later_version_has_other_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = key(tmp_path)
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert key(tmp_path) != before
