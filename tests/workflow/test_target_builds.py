"""Artifacts on a target: an emulated processor, declared in config.yaml."""

import json

import pytest
from safetensors.torch import load_file, save_file

from conftest import agent_for_tests
from samples.agents import LAYERS
from samples.workflow import Zoo

pytestmark = pytest.mark.long(40)

FOLDER = "results/a76/one"


def declare(config: dict) -> None:
    config["targets"] = {"a76": {"emulate": "cortex-a76", "samples": 2}}
    config["agent_layers"] = list(LAYERS)


@pytest.mark.long(60, group="agent")
def test_artifacts_are_proven_and_int8_is_searched_on_an_emulated_processor(zoo: Zoo, arm_agent):
    zoo.configure(declare)
    proofs = [f"{FOLDER}/{artifact}.verify.json" for artifact in ("fp16", "int8")]
    jobs = zoo.build(*proofs, f"{FOLDER}/fp32.passed")
    assert {"agent for aarch64", "fp16 recipe a76/one", "int8 search a76/one"} <= jobs
    assert not any("cpu/one" in job for job in jobs if "trials" in job or "search" in job)
    masks = json.loads((zoo / f"{FOLDER}/fp16.recipe.json").read_text())
    assert (masks["device"], masks["images"]) == ("a76", 2) and masks["before_db"] > 20
    weights = [(zoo / f"results/{device}/one/fp16.bin").read_bytes() for device in ("cpu", "a76")]
    assert weights[0] == weights[1]
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


@pytest.mark.long(90, group="agent")
def test_a_model_that_overflows_in_float16_passes_there_untouched_by_hand(zoo: Zoo, arm_agent):
    """A ConvNeXt, one of whose layers goes beyond what float16 holds."""
    weights = load_file(zoo / "results/weights/one.safetensors")
    weights["stages.1.blocks.0.mlp.fc1.weight"] *= 4e5
    weights["stages.1.blocks.0.gamma"][:] = 0.01
    save_file(weights, zoo / "over.safetensors")

    def add(config: dict) -> None:
        declare(config)
        config["models"]["over"] = config["models"]["one"] | {"weights": {"file": "over.safetensors"}}

    zoo.configure(add)
    zoo.build("results/a76/over/fp16.passed")
    recipe = json.loads((zoo / "results/a76/over/fp16.recipe.json").read_text())
    overflowing = [each for each in recipe["layers"] if each["reason"] == "overflow"]
    assert {each["type"] for each in overflowing} <= {"Convolution", "GELU", "InnerProduct", "Gemm"}
    assert overflowing and max(each["peak"] for each in overflowing) > 65504
    assert recipe["before_db"] is None and recipe["after_db"] > 39


@pytest.mark.long(120, group="other agents")
@pytest.mark.parametrize(("architecture", "cpu"), [("armhf", "cortex-a7"), ("riscv64", "rv64")])
def test_a_model_is_proven_on_an_emulated_processor_of_another_architecture(
    zoo: Zoo, architecture: str, cpu: str
):
    agent_for_tests(architecture)

    def change(config: dict) -> None:
        declare(config)
        config["targets"] = {"other": {"emulate": cpu, "architecture": architecture, "samples": 2}}

    zoo.configure(change)
    passed = [f"results/other/one/{artifact}.passed" for artifact in ("fp32", "fp16", "int8")]
    jobs = zoo.build(*passed)
    assert {f"agent for {architecture}", "int8 search other/one", "verify other/one/int8"} <= jobs
    for artifact in ("fp32", "fp16", "int8"):
        proof = json.loads((zoo / f"results/other/one/{artifact}.verify.json").read_text())
        assert proof["runtime"]["device"] == f"{cpu}, emulated" and proof["divergence"] is not None
        assert (proof["numbers"]["images"], proof["numbers"]["part_of"]) == (2, 4)
        assert artifact != "fp32" or proof["numbers"]["sqnr_db"] > 90
    masks = json.loads((zoo / "results/other/one/fp16.recipe.json").read_text())
    assert masks["layers"] == [] and masks["after_db"] > 50, "neither computes in float16"


def test_masks_are_planned_where_they_are_asked_for(fresh_zoo: Zoo):
    planned = {
        "auto": {"fp16 recipe a76/one"},
        True: {"fp16 recipe a76/one", "fp16 recipe cpu/one"},
        False: set(),
    }
    for plan, expected in planned.items():

        def ask(config: dict, plan=plan) -> None:
            declare(config)
            config["fp16"] = {"plan": plan}

        fresh_zoo.configure(ask)
        jobs = fresh_zoo.pending(
            f"{FOLDER}/fp16.passed", f"{FOLDER}/fp32.passed", "results/cpu/one/fp16.passed"
        )
        assert {job for job in jobs if job.startswith("fp16 recipe")} == expected


def test_a_target_of_another_architecture_has_an_agent_of_its_own(fresh_zoo: Zoo):
    target = {"emulate": "cortex-a7", "architecture": "armhf"}
    fresh_zoo.configure(lambda config: config.update(targets={"pi2": target}))
    jobs = fresh_zoo.pending("results/pi2/one/fp32.passed", "results/pi2/one/fp32.program")
    assert {job for job in jobs if job.startswith("agent")} == {"agent for armhf"}
    assert "program pi2/one/fp32" in jobs


def test_what_a_target_does_not_have_is_explained(fresh_zoo: Zoo):
    fresh_zoo.configure(declare)
    for path, sentence in {
        f"{FOLDER}/int8.bench.json": "a76 is emulated, and time under emulation says nothing",
        f"{FOLDER}/torch.pt": "'torch.pt' is not an artifact of a target; valid are: fp32.param",
        "results/a77/one/int8.param": "'a77' is not a device; valid are: cpu, gpu, a76; did you",
    }.items():
        outcome = fresh_zoo.snakemake("--dry-run", path)
        assert outcome.status != 0 and sentence in outcome.text, outcome.text


def test_a_device_that_is_no_target_is_refused(fresh_zoo: Zoo):
    fresh_zoo.configure(lambda config: config.update(devices=["cpu", "a76"]))
    outcome = fresh_zoo.snakemake("--dry-run")
    assert outcome.status != 0
    assert "devices: a76 is neither cpu nor gpu, nor one of targets" in outcome.text
