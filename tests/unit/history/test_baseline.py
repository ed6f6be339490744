"""The baseline's file, and what it asks of a zoo."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from samples.history import changed, figures
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.history import baseline
from zoo.history.lines import line


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_kept_is_read_with_its_layers():
    kept = [figures(), figures("fp16")]
    baseline.write("baseline.jsonl", kept)
    assert baseline.read("baseline.jsonl") == kept and kept[0].layers
    assert len([json.loads(text) for text in Path("baseline.jsonl").read_text().splitlines()]) == 2


def test_without_a_baseline_the_command_that_keeps_one_is_told():
    with pytest.raises(ZooError, match=r"there is no baseline; .*snakemake keep_baseline"):
        baseline.read("baseline.jsonl")


@pytest.mark.parametrize("content", ["", "<<<<<<< ours\n", line(figures()) + '{"version": 1, "ti'])
def test_a_baseline_of_which_a_line_is_lost_is_refused(content: str):
    Path("baseline.jsonl").write_text(content)
    with pytest.raises(ZooError, match=r"baseline\.jsonl: .*take it from version control"):
        baseline.read("baseline.jsonl")


def test_a_baseline_asks_for_the_proofs_that_it_has_figures_of():
    zoo = Zoo.of({"models": {"net": {"timm": "x"}}, "baseline": "kept.jsonl"})
    untimed = changed(figures("fp16"), latency_ms=None, fps=None)
    unlabelled = changed(figures("fp32"), top1=None, evaluated_agreement=None)
    kept = [figures(), untimed, unlabelled, figures(device="gpu"), figures(model="gone")]
    baseline.write("kept.jsonl", [*kept, replace(figures(), artifact="int4", figures={"cpu/net/int4": {}})])
    asked = baseline.asked(zoo, ["cpu"])
    assert asked.proofs == (
        *(f"results/cpu/net/int8.{proof}.json" for proof in ("verify", "eval", "bench")),
        *(f"results/cpu/net/fp16.{proof}.json" for proof in ("verify", "eval")),
        *(f"results/cpu/net/fp32.{proof}.json" for proof in ("verify", "bench")),
    )
    assert asked.undeclared == ("cpu/gone/int8", "cpu/net/int4") and asked.elsewhere == ("gpu/net/int8",)
    assert len(baseline.asked(zoo, ["cpu", "gpu"]).proofs) == 10


@pytest.mark.parametrize("content", [None, "<<<<<<< ours\n"])
def test_a_baseline_that_is_none_asks_for_nothing_and_the_job_that_compares_says_so(content: str | None):
    if content is not None:
        Path("baseline.jsonl").write_text(content)
    assert baseline.asked(Zoo.of({"models": {}}), ["cpu"]) == baseline.Asked((), (), ())


def test_margins_are_the_models_own_over_the_zoos():
    entry = {"timm": "x", "regression": {"sqnr_db": 3}}
    zoo = Zoo.of({"models": {"a": entry, "b": {"timm": "x"}}, "regression": {"top1": 0.1}})
    usual = {"agreement": 0.01, "top1": 0.1, "size_percent": 5.0, "latency_percent": 10.0}
    assert baseline.margins(zoo) == {"a": {"sqnr_db": 3, **usual}, "b": {"sqnr_db": 1.0, **usual}}
