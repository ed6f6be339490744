"""What lies in a zoo as lines of history, and what the end of a build appends."""

from pathlib import Path

import pytest

from samples import report
from samples.history import ENVIRONMENT
from zoo.config.outputs.paths import HISTORY
from zoo.config.zoo import Zoo
from zoo.history import lines
from zoo.history.build import gather, record

ZOO = Zoo.of({"models": {"net": {"timm": "x"}, "unbuilt": {"timm": "y"}}})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo's folder with the proofs of two artifacts of one model, one of which was not timed."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "results/cpu/net"
    place.mkdir(parents=True)
    for artifact in ("int8", "fp16"):
        report.verification("net", artifact=artifact).write(place / f"{artifact}.verify.json")
        report.evaluation("net", artifact=artifact).write(place / f"{artifact}.eval.json")
    report.benchmark("net").write(place / "int8.bench.json")
    return tmp_path


def test_proofs_of_an_artifact_are_one_line(folder: Path):
    found = gather((folder / "results/cpu/net").glob("*.json"), ENVIRONMENT)
    assert [each.name for each in found] == ["cpu/net/fp16", "cpu/net/int8"]
    assert [each.value("latency_ms") is None for each in found] == [True, False]
    assert all(each.value("top1") == 0.98 and not each.layers for each in found)
    (alone,) = gather([folder / "results/cpu/net/int8.verify.json"], ENVIRONMENT, with_layers=True)
    assert alone.value("top1") is None and alone.layers


def test_a_build_appends_what_is_new_and_nothing_twice(folder: Path):
    record(ZOO, folder)
    found, _ = lines.read(Path(HISTORY))
    assert {each.name for each in found} == {"cpu/net/int8", "cpu/net/fp16"}
    record(ZOO, folder)
    assert lines.read(Path(HISTORY))[0] == found
    failed = report.verification("net", failures=["SQNR is below the gate"], sqnr_db=9.0)
    failed.write(folder / "results/cpu/net/int8.verify.json")
    record(ZOO, folder)
    after, _ = lines.read(Path(HISTORY))
    assert after[:2] == found and len(after) == 3
    assert not after[2].passed and after[2].value("sqnr_db") == 9.0


def test_where_nothing_was_verified_no_file_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    record(ZOO, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_at_the_end_of_a_build_is_a_note(folder: Path, capsys: pytest.CaptureFixture):
    (folder / "results/cpu/net/fp16.eval.json").write_text("{")
    Path(HISTORY).write_bytes(b'{"version": 1, "time')
    record(ZOO, folder)
    told = capsys.readouterr().err
    assert "note: not in the history: results/cpu/net/fp16.eval.json: cannot be read" in told
    assert f"note: {HISTORY}: the last line is torn" in told
    assert [each.name for each in lines.read(Path(HISTORY))[0]] == ["cpu/net/int8"]
    Path(HISTORY).unlink()
    Path(HISTORY).mkdir()
    record(ZOO, folder)
    assert "note: nothing was added to the history: " in capsys.readouterr().err
