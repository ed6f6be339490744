"""Where weights come from: what is refused, and what a record gives back. Every kind: see test_model_spec."""

import json
from dataclasses import asdict

import pytest

from zoo.config.weights_source import Training, WeightsSource
from zoo.errors import ZooError


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"hub": "a/b", "url": "c"}, "m: weights come from one source, not from hub and url"),
        ({"url": None}, "m: weights from url need a value"),
        ({"random": 0, "keys": "order"}, "m: weights from random: unknown keys; it takes no other key"),
        ({"random": -1}, "m: the seed must be a whole number from 0, not -1"),
        ({"random": True}, "m: the seed must be a whole number from 0, not True"),
        ({"file": "a", "sha256": "ab"}, "m: sha256 must be 64 hexadecimal digits"),
        ({"file": "a", "keys": "shape"}, "m: keys must be name or order, not 'shape'"),
        ({"hub": "a/b/c"}, "m: a hub repository is owner/name or owner/name@revision"),
        ({"train": {"epochs": 3}}, "m: say which images to train on"),
        (
            {"train": {"images": "a", "from": {"train": "digits"}}},
            "m: training starts from weights that are ",
        ),
        ({"train": {"images": "a", "from": {"random": 0, "url": "x"}}}, "m: weights come from one source"),
        ({"train": {"images": "a", "held_out": 1.5}}, "m: .*held_out must lie between 0 and 1"),
    ],
)
def test_a_malformed_entry_is_refused_in_a_sentence(entry: dict, message: str):
    with pytest.raises(ZooError, match=f"^{message}"):
        WeightsSource.from_config("m", entry)


@pytest.mark.parametrize(
    "entry",
    [
        {"hub": "a/b@v1"},
        {"package": "p"},
        {"train": {"images": "plants", "from": {"file": "a.pth"}, "epochs": 9}},
        {"train": "digits"},
    ],
)
def test_plain_values_give_the_source_back(entry: dict):
    source = WeightsSource.from_config("m", entry)
    assert WeightsSource.from_dict(json.loads(json.dumps(asdict(source)))) == source


def test_without_an_entry_weights_are_of_the_default_kind():
    assert WeightsSource.from_config("m", None) == WeightsSource("hub")
    assert WeightsSource.from_config("m", {"sha256": "0" * 64}, "own").kind == "own"


def test_fine_tuning_needs_a_network_where_its_start_does():
    local = Training(start=WeightsSource("file", "a.pth"))
    assert not WeightsSource("train", "a", training=local).remote
    assert WeightsSource("train", "a", training=Training(start=WeightsSource("hub"))).remote
    assert not WeightsSource("train", "a", training=Training()).remote
