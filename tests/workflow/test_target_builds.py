"""Artifacts on a target: an emulated processor, declared in config.yaml."""

import json

import pytest

from samples.agents import LAYERS
from samples.workflow import Zoo

FOLDER = "results/a76/one"


def declare(config: dict) -> None:
    config["targets"] = {"a76": {"emulate": "cortex-a76", "samples": 2}}
    config["agent_layers"] = list(LAYERS)


@pytest.mark.long(60, group="agent")
def test_artifacts_are_proven_and_int8_is_searched_on_an_emulated_processor(zoo: Zoo, arm_agent):
    zoo.configure(declare)
    proofs = [f"{FOLDER}/{artifact}.verify.json" for artifact in ("fp16", "int8")]
    jobs = zoo.build(*proofs, f"{FOLDER}/fp32.passed")
    assert {"agent for aarch64", "int8 search a76/one"} <= jobs
    assert not any("cpu/one" in job for job in jobs if "candidate" in job or "search" in job)
    for path in proofs:
        proof = json.loads((zoo / path).read_text())
        assert proof["device"] == "a76" and proof["runtime"]["name"] == "ncnn"
        assert (proof["numbers"]["images"], proof["numbers"]["part_of"]) == (2, 4)
        assert "max_db_below_search" not in proof["verdict"]["gates"] and proof["searched"] is None
    search, here = (
        json.loads((zoo / f"results/{device}/one/int8.search.json").read_text()) for device in ("a76", "cpu")
    )
    names = [each["name"] for each in here["candidates"]]
    assert [each["name"] for each in search["candidates"]] == names and search["images"] == 2
    assert {each["speedup"] for each in search["candidates"]} == {None} != {here["candidates"][0]["speedup"]}
    recipes = json.loads((zoo / "results/cpu/one/search/candidates.json").read_text())
    recipe = json.loads((zoo / f"{FOLDER}/int8.recipe.json").read_text())
    assert recipe == recipes[search["chosen"]]
    assert zoo.pending(*proofs) == set()
    assert zoo.pending() == set(), "what was built for the CPU stays"


def test_what_a_target_does_not_have_is_explained(fresh_zoo: Zoo):
    fresh_zoo.configure(declare)
    for path, sentence in {
        f"{FOLDER}/int8.bench.json": "a76 is emulated, and time under emulation says nothing",
        f"{FOLDER}/fp32.onnx": "'fp32.onnx' is not an artifact of a target; valid are: fp32.param",
        "results/a77/one/int8.param": "'a77' is not a device; valid are: cpu, gpu, a76; beside",
    }.items():
        outcome = fresh_zoo.snakemake("--dry-run", path)
        assert outcome.status != 0 and sentence in outcome.text, outcome.text


def test_a_device_that_is_no_target_is_refused(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config.update(devices=["cpu", "a76"]))
    outcome = fresh_zoo.snakemake("--dry-run")
    assert outcome.status != 0
    assert "devices: a76 is neither cpu nor gpu, nor one of targets" in outcome.text
