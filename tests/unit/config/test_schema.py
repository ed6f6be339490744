"""config.yaml, its schema and the README agree."""

import json
import re
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
import yaml

from zoo.config.card import CLASSIFICATION, OTHER
from zoo.config.libraries import LIBRARIES
from zoo.config.model_spec import MODEL_KEYS, ModelSpec
from zoo.config.verification import Closeness, Cosine
from zoo.images.inputs import Input
from zoo.images.preprocess import CHANNELS, Preprocess
from zoo.images.sets import ImageSet
from zoo.measure.gates import gate_failures

PROJECT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((PROJECT / "rules/config.schema.yaml").read_text())
CONFIG = yaml.safe_load((PROJECT / "config.yaml").read_text())
README = (PROJECT / "README.md").read_text(encoding="utf-8")
MODEL = SCHEMA["$defs"]["model"]["properties"]


def refused(config: dict) -> bool:
    return bool(list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(config)))


def test_the_schema_is_one_and_admits_the_configuration():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(CONFIG, SCHEMA, cls=jsonschema.Draft202012Validator)


def keys(schema: dict, path: str = ""):
    """Every declared key of a schema, with its own schema."""
    for name, entry in schema.get("properties", {}).items():
        yield f"{path}/{name}", entry
        yield from keys(entry, f"{path}/{name}")
    for name, entry in schema.get("$defs", {}).items():
        yield from keys(entry, name)
    for entry in schema.get("oneOf", []):
        yield from keys(entry, path)


@pytest.mark.parametrize(("path", "entry"), list(keys(SCHEMA)))
def test_every_key_is_described(path: str, entry: dict):
    assert entry.get("description"), path


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"gates": {"int4": {}}},
        {"models": {"a": {"timm": "x", "size": 32}}},
        {"models": {"a/b": {"timm": "x"}}},
        {"models": {"a": {"timm": "x", "preprocess": {"mean": []}}}},
        {"models": {"a": {"timm": "x", "preprocess": {"mean": [0.5] * 5}}}},
        {"models": {"a": {"timm": "x", "preprocess": {"channels": "CMYK"}}}},
        {"models": {"a": {}}},
        {"models": {"a": {"timm": "x", "torchvision": "x"}}},
        {"models": {"a": {"timm": "x", "task": "detection"}}},
        {"models": {"a": {"timm": "x", "artifacts": ["int4"]}}},
        {"models": {"a": {"timm": "x", "inputs": []}}},
        {"models": {"a": {"timm": "x", "inputs": [{"values": "noise"}]}}},
        {"models": {"a": {"timm": "x", "inputs": [{"shape": [3, 0, 8]}]}}},
        {"models": {"a": {"timm": "x", "second_size": [3, 8, 8]}}},
        {"image_sets": {"a": {"path": "x", "dataset": "digits", "split": "test"}}},
        {"defaults": {"evaluation": {"set": "heldout", "path": "/data/imagenet/val"}}},
        {"streams": 0},
    ],
)
def test_what_is_not_declared_is_refused(change: dict):
    assert refused(CONFIG | change)


def test_images_may_be_named_by_path_in_one_line():
    line = yaml.safe_load("evaluation: {path: /data/imagenet/val, labels: true, images: 5000}")
    assert not refused(CONFIG | {"defaults": line, "streams": 4})


def test_the_schema_knows_what_the_library_takes():
    assert set(MODEL["preprocess"]["properties"]) == set(Preprocess().to_dict())
    kinds = {"hub", "url", "file", "package", "train", "random"}
    assert set(MODEL["weights"]["properties"]) == kinds | {"sha256", "keys", "seed"}
    gates = dict.fromkeys(SCHEMA["$defs"]["gate"]["properties"], 0.0)
    numbers = Closeness(images=1, cosine=Cosine(1.0, 1.0), sqnr_db=1.0, top1_agreement=1.0, max_abs_error=1.0)
    gate_failures(numbers, gates)


def test_the_schema_knows_all_inputs_channels_and_libraries():
    assert set(SCHEMA["$defs"]["input"]["properties"]) == {field.name for field in fields(Input)}
    assert MODEL["preprocess"]["properties"]["channels"]["enum"] == list(CHANNELS)
    assert MODEL["task"]["enum"] == [CLASSIFICATION, OTHER]
    assert [entry["required"] for entry in SCHEMA["$defs"]["model"]["oneOf"]] == [
        [each] for each in LIBRARIES
    ]
    of_rules = {"opset", "gates", "int8", "calibration", "verification", "evaluation", "artifacts"}
    of_rules |= {"onnx_int8", "vendor"}
    assert set(MODEL) == set(MODEL_KEYS) | of_rules


@pytest.mark.parametrize(
    "model",
    [
        {"torchvision": "resnet50.IMAGENET1K_V1"},
        {"open_clip": "convnext_base_w.laion2b_s13b_b82k", "task": "other"},
        {
            "module": "nets:detector",
            "args": {"width": 8},
            "weights": {"file": "a.pth"},
            "second_size": [320, 192],
        },
        {"onnx": "a.onnx", "artifacts": ["fp32", "fp16"], "weights": {"sha256": "ab" * 32}},
        {"torchscript": "a.pt", "preprocess": {"channels": "GRAY", "mean": [0.5], "std": [0.5]}},
        {
            "module": "nets:two",
            "inputs": [
                {"name": "photo"},
                {"shape": [1, 8, 8], "values": 1},
                {"shape": [5], "second_shape": [7], "values": "normal"},
                {"shape": [4, 8, 8], "values": "file"},
            ],
        },
    ],
)
def test_every_kind_of_model_is_admitted_and_read(model: dict):
    assert not refused(CONFIG | {"models": {"a": model}})
    spec = ModelSpec.from_config("a", {key: model[key] for key in MODEL_KEYS if key in model})
    assert model[spec.library] == spec.architecture
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_every_declared_model_is_read_by_the_library():
    for name, entry in CONFIG["models"].items():
        ModelSpec.from_config(name, {key: entry[key] for key in MODEL_KEYS if key in entry})


def test_calibration_and_verification_images_are_apart():
    sets = CONFIG["image_sets"]
    choices = [CONFIG["defaults"], *(entry for entry in CONFIG["models"].values() if "calibration" in entry)]
    for choice in choices:
        calibration, verification = (sets[choice[use]["set"]] for use in ("calibration", "verification"))
        assert calibration != verification
    for name, entry in sets.items():
        if "path" in entry:
            ImageSet.from_dict({"name": name, **entry})


def test_the_readme_recipes_are_valid_configuration():
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
    assert len(blocks) >= 3
    for block in blocks:
        models = block.get("models") or {name: entry for name, entry in block.items() if "timm" in str(entry)}
        config = {"models": models} | {key: block[key] for key in ("image_sets",) if key in block}
        assert not refused(config), block


def test_the_readme_program_is_that_of_the_bundle():
    from zoo.deploy.programs import programs

    record = Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert programs(record, "int8")["predict.py"] in README
