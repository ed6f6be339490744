"""What the schema refuses is said in a sentence."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from zoo.config.reading.config_file import read
from zoo.config.reading.schema_error import check, sentence
from zoo.config.reading.schema_fault import FORM
from zoo.errors import ZooError

SCHEMA_FILE = Path(__file__).resolve().parents[4] / "rules/config.schema.yaml"
SCRIPTS = SCHEMA_FILE.parents[1] / "scripts"
SCHEMA = yaml.safe_load(SCHEMA_FILE.read_text())
KINDS = "timm, torchvision, open_clip, module, onnx, torchscript"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"devices": "auto"}, "models is missing"),
        (
            {"models": {"one": {"timm": "x", "colour": "red"}}},
            "models: one: unknown colour; it takes, among others, ",
        ),
        ({"models": {"one": {}}}, f"models: one: give one of {KINDS}, and no more than one"),
        (
            {"models": {"one": {"timm": "x", "onnx": "y"}}},
            f"models: one: give one of {KINDS}, and no more than one",
        ),
        ({"models": {"one": None}}, "models: one: nothing stands where a mapping of keys to values belongs"),
        (
            {"models": {"one": {"timm": "x", "gates": {"int8": {"min_cosine": "high"}}}}},
            "models: one: gates: int8: min_cosine: 'high' stands where a number belongs (Least cosine ",
        ),
        ({"models": {}, "image_sets": {"a": {}}}, "image_sets: a: give one of path, dataset with split, and"),
        (
            {"models": {}, "image_sets": {"a": {"path": "b", "crops": {"smallest": 7}}}},
            "image_sets: a: crops: smallest: 7 is greater than the maximum of 1",
        ),
        (
            {"models": {}, "devices": "gppu"},
            "devices: 'gppu' stands where auto or a list belongs (The devices",
        ),
        ({"models": {}, "devices": []}, "devices: the list is empty"),
        (
            {"models": {}, "image_sets": {"a": {"path": "b", "crops": "yes"}}},
            "image_sets: a: crops: 'yes' stands where true or false or a mapping of keys to values belongs",
        ),
        (
            {"models": {"one": {"timm": "x", "weights": {"train": {"images": "x", "epoch": 3}}}}},
            "models: one: weights: train: unknown epoch; did you mean epochs?",
        ),
        (
            {"models": {}, "sweep": "3of12"},
            "sweep: '3of12' does not belong there, but a part and of how many, such as 1/12",
        ),
        ({"models": {}, "gates": "None"}, "gates: 'None' does not belong there, but none, in small letters,"),
        (
            {"models": {}, "fp16": {"plan": "always"}},
            "fp16: plan: 'always' is none of its values; it takes auto, true, false (Where ",
        ),
        (
            {"models": {}, "fp16": {"plan": "Auto"}},
            "fp16: plan: 'Auto' is none of its values; did you mean auto?",
        ),
        (
            {"models": {}, "best": {"threads": 2}},
            "best: threads: 2 is none of its values; it takes 1, all (The ",
        ),
        (
            {"models": {"one": {"timm": "x", "inputs": [{"values": "random"}]}}},
            "models: one: inputs: 0: values: 'random' stands where image, normal, file or a number belongs (",
        ),
        (
            {"models": {"one": {"timm": "x", "weights": {"train": {"images": "x", "from": 5}}}}},
            "models: one: weights: train: from: 5 stands where hub or a mapping of keys to values belongs (",
        ),
        (
            {"models": {"one": {"timm": "x", "licence": True}}},
            "models: one: licence: true stands where text belongs; put it in quotes (Licence of ",
        ),
        ({"models": {}, "devices": ["cpu", "gpu", "cpu"]}, "devices: cpu stands there twice"),
        (
            {"models": {}, "cache": {"max_gb": 0}},
            "cache: max_gb: it must be above 0, and is 0 (What it may hold",
        ),
        ({"models": {}, "cache": {"folder": ""}}, "cache: folder: the text is empty (Where it is"),
        (
            {"models": {"one": {"timm": "x", "preprocess": {"size": [8]}}}},
            "models: one: preprocess: size: [8] has 1 of at least 2 values (Input ",
        ),
        (
            {"models": {"one": {"timm": "x", "preprocess": {"std": [0.5, 0, 0.5]}}}},
            "models: one: preprocess: std: 1: it must be above 0, and is 0",
        ),
        ({"models": {"one": {"timm": "x", "artifacts": []}}}, "models: one: artifacts: the list is empty"),
        ({"models": {}, "int8": 8}, "int8: 8 stands where a mapping of keys to values belongs"),
        ({"models": {}, "streams": 0}, "streams: 0 is less than the minimum of 1 (How many streams "),
    ],
)
def test_the_place_and_the_fault_are_named(config: dict, expected: str):
    with pytest.raises(jsonschema.ValidationError) as refused:
        jsonschema.Draft202012Validator(SCHEMA).validate(config)
    said = sentence(refused.value)
    assert said.startswith(expected) and "\n" not in said


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            {"models": {"one": {"timm": "x", "devices": ["cpu"]}}},
            "models: one: devices does not belong there, but at the top of the file",
        ),
        (
            {"models": {}, "preprocess": {"size": [8, 8]}},
            "preprocess does not belong there, but in the entry of a model",
        ),
        (
            {"models": {}, "int8": {"opset": 17}},
            "int8: opset does not belong there, but at the top of the file, or in the entry of a model",
        ),
        (
            {"models": {"one": {"timm": "x", "sweep": 1, "cache": {}}}},
            "models: one: sweep does not belong there, but at the top of the file; cache does not belong",
        ),
        ({"models": {}, "opsets": 17}, "unknown opsets; did you mean opset?"),
        ({"models": {}, "best": {"fp61": 1, "timm": 3}}, "best: unknown fp61, timm; it takes "),
    ],
)
def test_a_key_that_belongs_elsewhere_is_told_where(config: dict, expected: str):
    with pytest.raises(ZooError) as refused:
        check(config, SCHEMA_FILE)
    assert str(refused.value).startswith(expected)


def patterns(schema: Any) -> Iterator[dict]:
    if isinstance(schema, dict):
        yield from [schema] if "pattern" in schema else []
        for key, value in schema.items():
            yield from () if key == "propertyNames" else patterns(value)
    elif isinstance(schema, list):
        yield from (found for each in schema for found in patterns(each))


def test_each_form_that_a_text_must_have_is_told_in_words():
    found = list(patterns(SCHEMA))
    assert len(found) > 5 and not [each for each in found if not each.get(FORM)]


def test_what_stands_there_twice_is_placed_where_it_does_again(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text("devices: [cpu, gpu, cpu]\nmodels: {}\n")
    with pytest.raises(
        ZooError, match=r"^devices: cpu stands there twice \(config.yaml, line 1, column 21\)$"
    ):
        check(yaml.safe_load(file.read_text()), SCHEMA_FILE, [read(file)])


def test_the_place_is_named(tmp_path: Path):
    file = tmp_path / "config.yaml"
    file.write_text("models:\n  one:\n    timm: x\n    opset: 99\n")
    with pytest.raises(ZooError, match=r"^models: one: opset: 99 is .*\(config.yaml, line 4, column 5\)$"):
        check(yaml.safe_load(file.read_text()), SCHEMA_FILE, [read(file)])


@pytest.mark.parametrize("name", ["my one", "a/one", "größe", "-x"])
def test_a_name_that_no_folder_should_have_is_refused_in_words(tmp_path: Path, name: str):
    file = tmp_path / "config.yaml"
    file.write_text(f"models:\n  one: {{timm: x}}\n  {name}: {{timm: x}}\n", encoding="utf-8")
    with pytest.raises(ZooError) as refused:
        check(yaml.safe_load(file.read_text(encoding="utf-8")), SCHEMA_FILE, [read(file)])
    said = "cannot be a name here; names are of letters, digits, - and _ (config.yaml, line 3, column 3)"
    assert str(refused.value) == f"models: {name!r} {said}"


def test_what_no_schema_can_refuse_is_refused_before_it():
    with pytest.raises(ZooError, match=r"^models: the key 7 is no text"):
        check({"models": {7: {"timm": "x"}}}, SCHEMA_FILE)
    check({"models": {"one": {"timm": "x"}}}, SCHEMA_FILE)


def test_a_check_does_not_pay_for_formats_that_no_schema_has():
    """In a process of its own, for another test may have imported anything; a plan is one."""
    code = (
        "import sys; from zoo.config.reading import schema_error; "
        f"schema_error.check({{'models': {{'one': {{'timm': 'x'}}}}}}, {str(SCHEMA_FILE)!r}); "
        "print('jsonschema' in sys.modules, 'rfc3987_syntax' in sys.modules, 'lark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=SCRIPTS)
    assert done.stdout.split() == ["True", "False", "False"], done.stderr
