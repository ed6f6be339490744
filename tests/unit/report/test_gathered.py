"""What a page about a zoo is made of, read from a folder."""

from dataclasses import asdict
from pathlib import Path

import pytest

from samples.history import course
from samples.report import benchmark, card, verification
from zoo.config.settings import Best
from zoo.errors import ZooError
from zoo.history.lines import append
from zoo.report.gathered import gather

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    card("net").write(tmp_path / "net.json")
    verification("net").write(tmp_path / "int8.verify.json")
    benchmark("net").write(tmp_path / "int8.bench.json")
    return tmp_path


def gathered(folder: Path):
    proofs = [str(folder / f"int8.{each}.json") for each in ("verify", "bench")]
    asked = {"net": asdict(Best("smallest"))}
    return gather([str(folder / "net.json")], proofs, str(folder / "history.jsonl"), str(PROJECT), asked)


def test_models_come_with_their_rows_their_history_and_what_was_asked(folder: Path):
    append(folder / "history.jsonl", course("net", builds=2))
    found = gathered(folder)
    assert [row.artifact for row in found.rows] == ["int8"] and found.rows is found.rows
    assert len(found.models[0].history) == 3, "two builds, and the one that this is"
    assert found.asked == {"net": Best("smallest")} and not found.notes


def test_without_a_history_there_is_this_build_only_and_broken_lines_are_told(folder: Path):
    assert len(gathered(folder).models[0].history) == 1
    (folder / "history.jsonl").write_text("no JSON\n")
    assert len(gathered(folder).notes) == 1


def test_a_broken_record_is_named(folder: Path):
    (folder / "int8.verify.json").write_text("{}")
    with pytest.raises(ZooError, match=r"int8\.verify\.json"):
        gathered(folder)
