"""bf16 and w8: built by name, by either device, and proven like the others."""

import json

import pytest

from samples.workflow import Zoo
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import read_graph
from zoo.ncnn.group_wise import weight_bits

pytestmark = pytest.mark.long(60)

GATES = {"bf16": {"min_cosine": 0.99}, "w8": {"min_cosine": 0.999}}


def stored(zoo: Zoo, place: str) -> dict[Storage, int]:
    """How many weights lie in each storage."""
    graph = read_graph(zoo / f"{place}.param", zoo / f"{place}.bin")
    arrays = [each for layer in graph.layers for each in layer.weights.values()]
    return {
        storage: sum(each.values.size for each in arrays if each.storage is storage)
        for storage in {each.storage for each in arrays}
    }


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_they_pass_verification(device: str, zoo: Zoo, request: pytest.FixtureRequest):
    if device == "gpu":
        request.getfixturevalue("vulkan")
    zoo.configure(lambda config: config["gates"].update(GATES))
    place = f"results/{device}/one"
    proofs = ["passed", "eval.json", "bench.json"] if device == "cpu" else ["passed"]
    zoo.build(*(f"{place}/{name}.{proof}" for name in GATES for proof in proofs))
    counts = {name: stored(zoo, f"{place}/{name}") for name in GATES}
    assert set(counts["bf16"]) == {Storage.BF16, Storage.RAW}
    assert counts["w8"][Storage.CODEBOOK] > counts["w8"][Storage.FP16]
    fp32 = (zoo / f"{place}/fp32.bin").stat().st_size
    assert (zoo / f"{place}/bf16.bin").stat().st_size < 0.6 * fp32
    for name in GATES:
        report = json.loads((zoo / f"{place}/{name}.verify.json").read_text())
        assert report["structure"]["ok"] and report["verdict"]["passed"]
        assert 25 < report["numbers"]["sqnr_db"] < 80, "neither wrong nor fp32 by another name"
        assert report["divergence"]["layers"]


def test_they_are_not_built_unless_asked_for(zoo: Zoo):
    assert not {job for job in zoo.pending("all") if "bf16" in job or "w8" in job}
    zoo.configure(lambda config: config["models"]["one"].update(artifacts=["w8"]))
    jobs = zoo.pending("all")
    assert {"w8 cpu/one", "verify cpu/one/w8", "gate cpu/one/w8"} <= jobs
    assert not {job for job in jobs if "cpu/two/w8" in job or "cpu/one/bf16" in job}


def test_weights_of_few_bits_are_built_for_the_cpu_to_a_size_that_is_asked_for(zoo: Zoo):
    place = "results/cpu/one"
    zoo.configure(lambda config: config["gates"].update(w4={"min_cosine": 0.9}))
    assert zoo.build(f"{place}/w4.passed") >= {"w4 cpu/one", "verify cpu/one/w4", "gate cpu/one/w4"}
    graph = read_graph(zoo / f"{place}/w4.param", zoo / f"{place}/w4.bin")
    recipe = json.loads((zoo / f"{place}/w4.recipe.json").read_text())
    bits = {name: plan["bits"] for name, plan in recipe["layers"].items() if "bits" in plan}
    assert bits and bits == {
        layer.name: weight_bits(layer) for layer in graph.layers if weight_bits(layer) % 8
    }
    report = json.loads((zoo / f"{place}/w4.verify.json").read_text())
    made = json.loads((zoo / f"{place}/w4.trial.json").read_text())
    assert report["searched"]["searched_db"] == made["sqnr_db"]
    assert abs(report["searched"]["sqnr_db"] - made["sqnr_db"]) < 0.1, "the same file on the same images"
    assert report["structure"]["ok"] and 10 < report["numbers"]["sqnr_db"] < 60
    zoo.configure(lambda config: config["models"]["one"].update(w4={"max_size": 0.001}))
    assert zoo.pending(f"{place}/w4.passed") >= {"w4 cpu/one"}
    told = zoo.snakemake(f"{place}/w4.param")
    assert told.status and "one: w4: {max_size: 0.001} is out of reach" in told.text
