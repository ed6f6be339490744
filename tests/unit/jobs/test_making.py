"""What is kept of how a file was made."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from zoo.jobs import making
from zoo.jobs.files import replacing
from zoo.jobs.made import sha256
from zoo.jobs.making import Making, content_sha256
from zoo.jobs.reporting import reporting


@dataclass
class FakeJob:
    rule: str = "double"
    input: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "results/.made").mkdir(parents=True)
    (tmp_path / "results/input").write_text("1")
    return tmp_path / "results"


def make(root: Path, text: str, job: FakeJob | None) -> Path:
    with reporting(root.parent / "log", "double", job), replacing(root / "cpu/a") as (temporary,):
        temporary.write_text(text)
    return root / "cpu/a"


def test_what_a_job_read_and_was_told_is_kept_with_what_it_made(root: Path):
    job = FakeJob(input=[str(root / "input")], params={"code": "abc", "gates": {"min": 1.5}})
    made = Making.read(make(root, "2", job))
    assert made is not None
    assert (made.sha256, made.rule, made.params) == (sha256(root / "cpu/a"), "double", job.params)
    assert made.inputs == {str(root / "input"): sha256(root / "input")}
    assert made.surroundings == making.Surroundings.own()


def test_what_is_kept_stays_when_the_surroundings_change(root: Path, monkeypatch: pytest.MonkeyPatch):
    path = make(root, "2", FakeJob())
    before = Making.read(path)
    later = replace(making.Surroundings.own(), tools={"torch": "99"})
    monkeypatch.setattr(making.Surroundings, "own", lambda: later)
    assert Making.read(path) == before
    assert Making.read(make(root, "2", FakeJob())).surroundings.tools == {"torch": "99"}


def test_what_is_made_without_a_job_says_nothing_of_the_file(root: Path):
    path = make(root, "2", FakeJob())
    make(root, "3", None)
    assert Making.read(path).sha256 != sha256(path)
    assert Making.read(root / "input") is None


def test_a_damaged_note_is_none(root: Path):
    path = make(root, "2", FakeJob())
    (root / ".made-by/cpu/a.json").write_text("{")
    assert Making.read(path) is None


def test_a_params_that_json_does_not_have_is_kept_as_text(root: Path):
    assert Making.read(make(root, "2", FakeJob(params={"path": Path("x")}))).params == {"path": "x"}


def test_a_folder_has_the_hash_of_its_list(root: Path):
    folder = root / "images"
    (folder / "a").mkdir(parents=True)
    (folder / "a/1").write_text("1")
    before = content_sha256(folder)
    (folder / "a/2").write_text("1")
    both = content_sha256(folder)
    (folder / "a/2").rename(folder / "a/3")
    assert len({before, both, content_sha256(folder)}) == 3
