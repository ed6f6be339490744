"""What a report reads."""

from pathlib import Path

import pytest

from samples.zoos import BOARD, TARGETS, ZOO
from zoo.config.outputs.report import Report
from zoo.config.zoo import Zoo


def test_the_report_needs_the_proofs_of_what_is_built_and_takes_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    report = Report(ZOO, ["two"], ("cpu",))
    proofs = [f"results/cpu/two/fp16.{proof}" for proof in ("verify.json", "eval.json", "bench.json")]
    assert report.proofs() == proofs
    assert report.cards() == ["results/weights/two.json"]
    Path("results/gpu/hub").mkdir(parents=True)
    Path("results/gpu/hub/w8.bench.json").touch()
    assert report.proofs() == [*proofs, "results/gpu/hub/w8.bench.json"]
    assert report.cards() == ["results/weights/two.json", "results/weights/hub.json"]


def test_the_report_asks_for_the_search_of_int8():
    proofs = Report(ZOO, ["one"], ("gpu",)).proofs()
    assert {"results/gpu/one/int8.search.json", "results/gpu/one/int8.sensitivity.json"} < set(proofs)
    assert "results/gpu/one/calibration.coverage.json" in proofs
    assert not [path for path in proofs if "onnx" in path]


def test_the_report_asks_for_the_way_to_ncnn():
    assert "results/cpu/two/fp32.conversion.json" not in Report(ZOO, ["two"], ("cpu",)).proofs()
    assert "results/gpu/one/fp32.conversion.json" in Report(ZOO, ["one"], ("gpu",)).proofs()


def test_the_report_asks_for_records_of_options_that_are_said():
    models = {"one": {"timm": "x", "weights": {"random": 0}}}
    zoo = Zoo.of({"models": models, "runtime": {"fp16": {"threads": 2}}})
    asked = [path for path in Report(zoo, ["one"], ["cpu"]).proofs() if path.endswith(".options.json")]
    assert asked == ["results/cpu/one/fp16.options.json"]


def test_the_report_asks_of_a_target_for_what_is_known_there():
    proofs = Report(TARGETS, ["one"], ["a76"]).proofs()
    assert "results/a76/one/int8.eval.json" in proofs
    assert [path for path in proofs if "search" in path] == ["results/a76/one/int8.search.json"]
    assert not [path for path in proofs if "bench" in path]
    proofs = Report(BOARD, ["one"], ["pi5"]).proofs()
    assert "results/pi5/one/int8.bench.json" in proofs and "results/a76/one/int8.bench.json" not in proofs
