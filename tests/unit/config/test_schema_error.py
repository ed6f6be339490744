"""What the schema refuses is said in a sentence."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from zoo.config.schema_error import sentence

SCHEMA = yaml.safe_load((Path(__file__).resolve().parents[3] / "rules/config.schema.yaml").read_text())
KINDS = "timm, torchvision, open_clip, module, onnx, torchscript"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"devices": "auto"}, "models is missing"),
        ({"models": {"one": {"timm": "x", "colour": "red"}}}, "models: one: unknown colour; it takes timm, "),
        ({"models": {"one": {}}}, f"models: one: give one of {KINDS}, and no more than one"),
        (
            {"models": {"one": {"timm": "x", "onnx": "y"}}},
            f"models: one: give one of {KINDS}, and no more than one",
        ),
        ({"models": {"one": None}}, "models: one: None is not of type 'object'"),
        (
            {"models": {"one": {"timm": "x", "gates": {"int8": {"min_cosine": "high"}}}}},
            "models: one: gates: int8: min_cosine: 'high' is not of type 'number', 'null' (Least cosine ",
        ),
        ({"models": {}, "image_sets": {"a": {}}}, "image_sets: a: give one of path, dataset with split, and"),
        ({"models": {}, "streams": 0}, "streams: 0 is less than the minimum of 1 (How many streams "),
    ],
)
def test_the_place_and_the_fault_are_named(config: dict, expected: str):
    with pytest.raises(jsonschema.ValidationError) as refused:
        jsonschema.Draft202012Validator(SCHEMA).validate(config)
    said = sentence(refused.value)
    assert said.startswith(expected) and "\n" not in said
