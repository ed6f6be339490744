"""Builds leave their figures in the history; what is worse than the baseline fails, down to the layer."""

import json

import pytest

from samples.workflow import Zoo

pytestmark = pytest.mark.long(60)

HISTORY = "results/history.jsonl"
DAMAGED = "conv_18"
"""A layer in the middle of the tiny model."""


def history(zoo: Zoo) -> list[dict]:
    return [json.loads(line) for line in (zoo / HISTORY).read_text().splitlines()]


def alone(config: dict) -> None:
    """One model, of which int8 is built, with a wide gate; times are of a busy machine."""
    config["models"].pop("two")
    config["artifacts"] = ["int8"]
    config["regression"] = {"latency_percent": 100_000}


def clip(zoo: Zoo) -> None:
    """Pin a recipe like the one that was built that clips the input of one layer at a fifth of its range."""
    recipe = json.loads((zoo / "results/cpu/one/int8.recipe.json").read_text())
    recipe["layers"][DAMAGED] |= {"margin": 0.2}
    (zoo / "worse.json").write_text(json.dumps(recipe))
    zoo.configure(lambda config: config["int8"].update(recipe="worse.json"))


def test_figures_are_kept_compared_and_named_where_they_got_worse(zoo: Zoo):
    built = {line["artifact"]: line for line in history(zoo)}
    assert set(built) == {"int8", "fp32.onnx"} and all(line["passed"] for line in built.values())
    assert built["int8"]["figures"]["cpu/one/int8"]["latency_ms"]["value"] > 0

    zoo.configure(alone)
    refused = zoo.snakemake("check_regressions").text
    assert "there is no baseline; keep one of a build that is good: snakemake keep_baseline" in refused
    assert "Traceback" not in refused
    # What the report shows beside figures is made on the way.
    made = zoo.build("keep_baseline")
    assert made == {"keep the present figures in baseline.jsonl", "coverage cpu/one"}
    outcome = zoo.snakemake("check_regressions")
    assert outcome.status == 0 and "2 artifacts are as good as in baseline.jsonl" in outcome.text
    before = (zoo / HISTORY).read_bytes()
    assert len(before.splitlines()) == 2, "nothing was measured since"

    clip(zoo)
    outcome = zoo.snakemake("check_regressions")
    assert outcome.status != 0 and "worse than in baseline.jsonl" in outcome.text
    assert f"the first layer that is worse is {DAMAGED} (Convolution)" in outcome.text
    assert (zoo / HISTORY).read_bytes().startswith(before), "lines are added, and none is touched"
    (line,) = history(zoo)[2:]
    sqnr = [each["figures"]["cpu/one/int8"]["sqnr_db"]["value"] for each in (built["int8"], line)]
    assert sqnr[1] < sqnr[0] - 1 and line["sha256"] != built["int8"]["sha256"]

    again = (zoo / HISTORY).read_bytes()
    assert zoo.snakemake("check_regressions").status != 0
    assert (zoo / HISTORY).read_bytes() == again, "the same figures of the same bytes"


def test_a_failed_verification_is_in_the_history_and_a_build_that_ran_nothing_is_not(zoo: Zoo):
    before = (zoo / HISTORY).read_bytes()
    assert zoo.build("results/cpu/one/int8.passed") == set() and (zoo / HISTORY).read_bytes() == before
    assert zoo.pending("results/cpu/one/w8.passed") and (zoo / HISTORY).read_bytes() == before
    zoo.configure(lambda config: config["gates"]["int8"].update(min_sqnr_db=150))
    with (zoo / HISTORY).open("ab") as handle:
        handle.write(b'{"version": 1, "time": "20')
    outcome = zoo.snakemake("results/cpu/one/int8.passed")
    assert outcome.status != 0 and f"note: {HISTORY}: the last line is torn" in outcome.text
    line = history(zoo)[-1]
    assert (zoo / HISTORY).read_bytes().startswith(before) and len(history(zoo)) == 3
    assert line["artifact"] == "int8" and not line["passed"] and "SQNR in dB is" in line["failures"][0]
    assert zoo.pending("results/cpu/two/int8.param") == set(), "what is appended is no changed artifact"
