"""The model card: it comes back from its file, tells what follows from it, and refuses what is broken."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from samples.cards import RECORD, card
from zoo.config.records.card import OTHER, ModelCard, Output
from zoo.errors import ZooError
from zoo.images.files import ModelClasses
from zoo.images.inputs import FILE, NORMAL, Feed, Input

TWO = (Input("photo", (3, 8, 8), second_shape=(3, 16, 16)), Input("vector", (6,), NORMAL))
SCRIPTS = Path(__file__).resolve().parents[4] / "scripts"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"labels": ("a", "b", "c", "d", "crème"), "class_ids": ("1", "2", "3", "4", "5")},
        {"inputs": TWO, "task": OTHER, "outputs": (Output("map", (2, 4, 4)), Output("number", ()))},
        {"args": {"depths": [2, 2], "x": None}, "source": {"kind": "train", "recipe": {"epochs": 3}}},
        {"multiply_adds": None, "random": True},
    ],
)
def test_a_card_comes_back_from_its_file(changes: dict, tmp_path: Path):
    described = card(**changes)
    described.write(tmp_path / "small.json")
    assert ModelCard.read(tmp_path / "small.json") == described


def test_the_file_has_the_keys_that_people_and_tools_read(tmp_path: Path):
    card(labels=("a", "b", "c", "d", "e")).write(tmp_path / "small.json")
    written = json.loads((tmp_path / "small.json").read_text())
    assert set(written) == {
        *("version", "name", "library", "architecture", "args", "source", "random", "sha256", "licence"),
        *("task", "num_classes", "parameters", "multiply_adds", "input", "inputs", "outputs", "preprocess"),
        *("labels", "class_ids", "output", "output_by"),
    }
    assert written["num_classes"] == 5 and written["input"] == [3, 8, 8]
    assert written["inputs"] == [
        {"name": "data", "shape": [3, 8, 8], "values": "image", "second_shape": None}
    ]
    assert written["outputs"] == [{"name": "output", "shape": [5]}]
    assert written["preprocess"] == RECORD.to_dict() and written["labels"] == ["a", "b", "c", "d", "e"]


def test_a_card_is_read_by_the_keys_of_its_file():
    assert (card()["task"], card()["num_classes"]) == (card().task, card().num_classes)
    with pytest.raises(KeyError):
        card()["no such key"]


def test_a_card_tells_what_feeds_the_model():
    assert card().feed == Feed.image(RECORD) and card().takes_one_image
    several = card(inputs=TWO)
    assert several.feed == Feed(RECORD, TWO) and several.input == (3, 8, 8)
    assert several.feed.second().shapes == ((3, 16, 16), (6,))
    assert not several.takes_one_image
    assert not card(inputs=(Input("x", (3, 8, 8), FILE),)).takes_one_image


def test_a_card_tells_what_the_classes_are_called():
    named = card(classes=2, labels=("ant", "bee"), class_ids=("n1", "n2"))
    assert named.classes == ModelClasses(2, (("n1", "n2"), ("ant", "bee")))
    assert card(classes=2).classes == ModelClasses(2)
    other = card(task=OTHER)
    assert not other.classifies and other.num_classes is None and other.classes == ModelClasses(0)


@pytest.mark.parametrize("shapes", [[], [(5,), (5,)], [(5, 2, 2)]])
def test_a_classifier_has_one_vector_of_scores(shapes: list):
    outputs = tuple(Output(f"out{place}", shape) for place, shape in enumerate(shapes))
    with pytest.raises(
        ZooError, match=r"a classifier has one output of the shape \[classes\], not .*task: other"
    ):
        card(outputs=outputs)
    assert card(outputs=outputs, task=OTHER).num_classes is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, r"no model card as this version of ncnn-zoo writes it \(version 2, not 1\)"),
        ({"parameters": "many"}, r"a broken model card \(Expected `int`, got `str` - at `\$\.parameters`\)"),
        ({"labels": [1]}, r"a broken model card .*\$\.labels\[0\]"),
        (
            {"task": "detection"},
            r"a broken model card \(task must be classification or other, not 'detection'\)",
        ),
        ({"outputs": []}, r"a broken model card \(a classifier has one output"),
        ({"inputs": []}, r"a broken model card \(a model has an input at least\)"),
        ({"preprocess": RECORD.to_dict() | {"crop_pct": 2}}, "crop_pct must be above 0 and at most 1"),
        ({"preprocess": RECORD.to_dict() | {"channels": "GRAY"}}, "mean must be 1 finite numbers"),
        (
            {"inputs": [{"name": "x", "shape": [1, 8, 8]}]},
            "input x takes 1 channels, and preprocessing gives 3",
        ),
    ],
)
def test_a_card_that_was_edited_amiss_says_what_is_wrong(change: dict, sentence: str, tmp_path: Path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(card().to_dict() | change))
    with pytest.raises(ZooError, match=rf"small\.json: .*{sentence}"):
        ModelCard.read(path)


def test_a_card_without_a_field_names_it(tmp_path: Path):
    values = card().to_dict()
    del values["licence"]
    with pytest.raises(ZooError, match=r"missing required field `licence`.*delete it to have it made again"):
        ModelCard.from_dict(values)


def test_cards_are_equal_by_what_they_say():
    assert card() == card() and card() != replace(card(), licence="unknown")


def test_reading_a_card_loads_no_numpy(tmp_path: Path):
    card().write(tmp_path / "small.json")
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "from zoo.config.records.card import ModelCard\n"
        f"ModelCard.read({str(tmp_path / 'small.json')!r}); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "torch", "PIL", "ncnn"} & set(loaded.split())
