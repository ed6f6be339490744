"""A model declared by its timm tag alone, built from a hub: here one on loopback."""

import json
from pathlib import Path

import pytest

from samples.hub_server import Repository, serve
from samples.workflow import Zoo
from zoo.config.records.card import ModelCard

pytestmark = pytest.mark.long(40)


def test_a_tag_is_fetched_from_its_hub_and_built(fresh_zoo: Zoo, built_zoo: Zoo):
    # the hub holds what the random model of the built zoo has for weights: the same architecture
    weights = (built_zoo / "results/weights/one.safetensors").read_bytes()
    entry = {"timm": "test_convnext.r160_in1k", "preprocess": {"size": [32, 32]}}
    fresh_zoo.configure(lambda config: config["models"].update(tagged=entry))
    with serve() as hub:
        hub.repositories["timm/test_convnext.r160_in1k"] = Repository({"model.safetensors": weights})
        outcome = fresh_zoo.snakemake(
            "results/cpu/tagged/fp32.passed",
            HF_ENDPOINT=hub.endpoint,
            HF_HUB_CACHE=str(fresh_zoo / "cache"),
            NO_PROXY="*",
        )
    assert outcome.status == 0, outcome.text
    card = ModelCard.read(fresh_zoo / "results/weights/tagged.json")
    assert card.source["kind"] == "hub"
    assert card.source["location"] == "timm/test_convnext.r160_in1k"
    assert card.random is False
    verdict = json.loads(Path(fresh_zoo / "results/cpu/tagged/fp32.verify.json").read_text())["verdict"]
    assert verdict["passed"]
