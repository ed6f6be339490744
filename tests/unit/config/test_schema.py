"""config.yaml, its schema and the pages agree."""

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from zoo.config.artifacts import ARTIFACTS, PRECISIONS
from zoo.config.libraries import LIBRARIES
from zoo.config.model_spec import MODEL_KEYS, PREPROCESS_KEYS, ModelSpec
from zoo.config.reading.schema_error import check
from zoo.config.records.card import CLASSIFICATION, OTHER
from zoo.config.records.verification import Closeness, Cosine
from zoo.config.settings import (
    DEFAULT_GATES,
    RUNNABLE,
    SETTINGS,
    Best,
    Fp16,
    Gates,
    Int8,
    OnnxInt8,
    Regression,
    Runtime,
    Settings,
    Signing,
    Vendor,
    overlay,
)
from zoo.config.settings import Target as Int8Target
from zoo.config.shared_cache import SharedCache
from zoo.config.targets import KEYS, WAYS, Target
from zoo.config.training.recipe import AUGMENT, FINE_TUNE, SCHEDULES, TrainingRecipe
from zoo.config.weights_source import Training, WeightsSource
from zoo.config.zoo import PURPOSES, Model, Zoo
from zoo.deploy.vendor import DATA_TYPES
from zoo.errors import ZooError
from zoo.images.datasets import DATASETS
from zoo.images.inputs import Input
from zoo.images.preprocess import CHANNELS, Preprocess
from zoo.images.sets import Crops, ImageSet
from zoo.images.splits import PARTS
from zoo.measure.gates import gate_failures
from zoo.ncnn.options import MOST_THREADS, SWITCHES
from zoo.onnx.int8 import CALIBRATIONS, WEIGHTS

PROJECT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((PROJECT / "rules/config.schema.yaml").read_text())
CONFIG = yaml.safe_load((PROJECT / "config.yaml").read_text())
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
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
        {"models": {"a\n": {"timm": "x"}}},
        {"models": {"a": {"timm": "x", "weights": {"file": "x", "sha256": "0" * 64 + "\n"}}}},
        {"models": {"a": {"timm": "x", "weights": {"random": 10**30}}}},
        {"models": {"a": {"timm": "x", "preprocess": {"size": [10**9, 10**9]}}}},
        {"defaults": {"evaluation": {"path": "x", "images": 10_000_000}}},
        {"defaults": {"evaluation": {"path": "x", "seed": 10**30}}},
        {"int8": {"shards": 10_000_000}},
        {"signing": {"command": "sign it"}},
        {"signing": {"key": "mine"}},
        {"sweep": "third"},
        {"runtime": {"int8": {"use_warp": True}}},
        {"runtime": {"fp32.onnx": {}}},
        {"targets": {"a/b": {"emulate": "cortex-a76"}}},
        {"targets": {"a76": {}}},
        {"targets": {"a76": {"emulate": "cortex-a76 -drive"}}},
        {"targets": {"a76": {"emulate": "cortex-a76", "samples": 0}}},
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
    assert set(MODEL) == {*MODEL_KEYS, *SETTINGS, *PURPOSES}
    assert tuple(MODEL["preprocess"]["properties"]) == PREPROCESS_KEYS


DEFS = SCHEMA["$defs"]
TRAIN = MODEL["weights"]["properties"]["train"]["oneOf"][1]["properties"]
CROPS = DEFS["image_set"]["properties"]["crops"]["oneOf"][1]["properties"]


def defaults(section: type) -> dict[str, Any]:
    """The keys of a dataclass, with the default of each as config.yaml would have it."""
    values = {}
    for each in fields(section):
        default = each.default if each.default_factory is MISSING else each.default_factory()
        default = default.to_dict() if isinstance(default, Int8Target) else default
        values[each.name] = list(default) if isinstance(default, tuple) else default
    return values


def stated(properties: dict[str, Any]) -> dict[str, Any]:
    """The keys of a part of the schema, with the default of each."""
    return {name: entry.get("default") for name, entry in properties.items()}


@pytest.mark.parametrize(
    ("part", "section"),
    [
        ("gate", Gates),
        ("fp16", Fp16),
        ("int8", Int8),
        ("onnx_int8", OnnxInt8),
        ("vendor", Vendor),
        ("regression", Regression),
        ("best", Best),
    ],
)
def test_schema_and_settings_have_the_same_keys_and_defaults(part: str, section: type):
    assert stated(DEFS[part]["properties"]) == defaults(section)


def test_options_have_the_same_keys_as_ncnn_and_artifacts_their_names():
    properties = DEFS["runtime"]["properties"]
    assert list(properties) == ["search", "search_threads", *RUNNABLE]
    assert (properties["search"]["default"], properties["search_threads"]["default"]) == (
        Runtime.search,
        Runtime.search_threads,
    )
    options = DEFS["options"]["properties"]
    assert tuple(options) == (*SWITCHES, "threads")
    assert options["threads"]["maximum"] == MOST_THREADS


def test_signing_has_the_same_keys_and_is_off_by_default():
    assert stated(SCHEMA["properties"]["signing"]["properties"]) == defaults(Signing)
    assert Zoo.of({"models": {}}).signing == Signing()
    assert Zoo.of({"models": {}, "signing": {"verify": "a"}}).signing == Signing(verify="a")


def test_the_target_of_int8_and_crops_have_the_same_keys_and_defaults():
    assert stated(DEFS["int8"]["properties"]["target"]["properties"]) == defaults(Int8Target)
    assert stated(CROPS) == defaults(Crops)


def test_the_top_of_the_schema_has_the_keys_and_defaults_of_a_zoo():
    zoo = Zoo.of({"models": {}})
    model = Model.of("mine", {"timm": "x"}, {})
    expected = {
        "devices": "auto",
        "artifacts": model.artifacts("cpu"),
        "opset": Settings().opset,
        "streams": zoo.streams,
        "gates": {precision: gates.to_dict() for precision, gates in DEFAULT_GATES.items()},
        **dict.fromkeys(("fp16", "int8", "w6", "w4", "onnx_int8", "vendor", "regression", "best", "runtime")),
        "models": None,
        "image_sets": zoo.image_sets,
        "defaults": zoo.defaults,
        "baseline": zoo.baseline,
        "sweep": zoo.sweep,
        "signing": {},
        "cache": {},
        "targets": zoo.targets,
        "agent_layers": zoo.agent_layers,
    }
    assert stated(SCHEMA["properties"]) == expected
    assert set(expected) == {*SETTINGS, *(each.name for each in fields(Zoo) if each.name != "home")}


def test_the_shared_cache_has_the_same_keys_and_is_off_by_default():
    assert stated(SCHEMA["properties"]["cache"]["properties"]) == defaults(SharedCache)
    assert Zoo.of({"models": {}}).cache == SharedCache()
    assert Zoo.of({"models": {}, "cache": {"folder": "a", "max_gb": 1.5}}).cache.max_bytes == 1_500_000_000
    with pytest.raises(ZooError, match="max_gb is said of no folder"):
        Zoo.of({"models": {}, "cache": {"max_gb": 1.5}})


def test_a_target_has_the_same_keys_and_defaults():
    target = stated(DEFS["target"]["properties"])
    assert set(target) == set(KEYS)
    assert target["architecture"] == Target.architecture
    assert [way["required"] for way in DEFS["target"]["oneOf"]] == [[way] for way in WAYS]


@pytest.mark.parametrize(
    ("entry", "admitted"),
    [
        ({"ssh": "pi@pi", "threads": 2, "cores": [4, 5], "port": 22, "key": "k", "known_hosts": "h"}, True),
        ({"adb": "x:5555", "folder": "/data/local/tmp/x", "features": ["i8mm"], "samples": 3}, True),
        ({"emulate": "cortex-a76", "ssh": "pi"}, False),
        ({"threads": 4}, False),
        ({"ssh": "-oProxyCommand=x"}, False),
        ({"ssh": "pi", "architecture": "armv7l"}, False),
        ({"ssh": "pi", "password": "x"}, False),
    ],
)
def test_a_target_is_admitted_as_it_is_read(entry: dict, admitted: bool):
    assert bool(refused(CONFIG | {"targets": {"pi5": entry}})) is not admitted
    if admitted:
        assert Target.of("pi5", entry).to_dict().items() >= {"name": "pi5"}.items()


def test_a_training_has_the_same_keys_and_defaults():
    recipe = defaults(TrainingRecipe) | {"augment": AUGMENT}
    expected = {"images": None, "from": None, "held_out": Training().held_out, "split_seed": 0, **recipe}
    assert stated(TRAIN) == expected
    told = {
        name: float(number[1])
        for name, entry in TRAIN.items()
        if (number := re.search(r"([\d.]+) to fine-tune", entry["description"]))
    }
    assert told == {name: value for name, value in FINE_TUNE.items() if name != "augment"}
    assert TRAIN["schedule"]["enum"] == list(SCHEDULES)


def test_sources_inputs_and_choices_have_the_same_defaults():
    weights = stated(MODEL["weights"]["properties"])
    assert (weights["keys"], weights["seed"]) == (WeightsSource().keys, WeightsSource().seed)
    assert DEFS["input"]["properties"]["values"]["default"] == Input("a", (3, 8, 8)).values
    some = ImageSet("a", Path("a"))
    for part in ("image_set", "choice"):
        assert DEFS[part]["properties"]["labels"]["default"] == some.labels
    choice = stated(DEFS["choice"]["properties"])
    assert (choice["seed"], choice["images"]) == (some.seed, some.images)


def test_what_is_one_of_a_table_is_admitted_as_the_table_has_it():
    assert DEFS["artifacts"]["items"]["enum"] == list(ARTIFACTS)
    assert list(DEFS["gates"]["properties"]) == list(PRECISIONS)
    assert DEFS["image_set"]["properties"]["dataset"]["enum"] == list(DATASETS)
    assert DEFS["image_set"]["properties"]["split"]["enum"] == list(PARTS)
    assert tuple(SCHEMA["properties"]["defaults"]["properties"]) == PURPOSES
    onnx = {key: set(DEFS["onnx_int8"]["properties"][key]["enum"]) for key in ("calibration", "weights")}
    assert onnx == {"calibration": {*CALIBRATIONS, None}, "weights": {*WEIGHTS, None}}
    assert set(DEFS["vendor"]["properties"]["calibration_data"]["enum"]) == {*DATA_TYPES, None}


def layered(properties: dict[str, Any], *path: str):
    """The path of every key that a model's entry lays over the zoo's."""
    for name, entry in properties.items():
        entry = DEFS[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry
        yield (*path, name)
        yield from layered(entry.get("properties", {}), *path, name)


def plain(gates: Mapping[str, Gates]) -> dict[str, dict[str, float]]:
    return {precision: limits.to_dict() for precision, limits in gates.items()}


@pytest.mark.parametrize("path", list(layered({key: MODEL[key] for key in SETTINGS})), ids=": ".join)
def test_null_takes_away_whatever_the_zoo_says(path: tuple[str, ...]):
    entry: Any = None
    for key in reversed(path):
        entry = {key: entry}
    config = {"models": {"a": {"timm": "x", **entry}}}
    assert not refused(config)
    settings = Model.of("a", config["models"]["a"], {}).settings
    assert replace(settings, gates=DEFAULT_GATES) == Settings()
    left = overlay(plain(DEFAULT_GATES), entry.get("gates") or {})
    assert plain(settings.gates) == left


def test_no_default_is_filled_into_a_models_entry_where_it_would_hide_the_zoos():
    zoo = {
        "int8": {"recipe": "local", "shards": 4, "target": {"min_sqnr_db": 40}},
        "onnx_int8": {"calibration": "entropy", "symmetric": True},
        "gates": {"int8": {"min_cosine": 0.99}},
        "models": {
            "a": {"timm": "x", "int8": {"exclude": ["b"]}, "onnx_int8": {"weights": "int7"}, "gates": {}}
        },
    }
    before = copy.deepcopy(zoo)
    check(zoo, PROJECT / "rules/config.schema.yaml")
    assert zoo == before
    settings = Zoo.of(zoo).models["a"].settings
    assert settings.int8 == Int8("local", ("b",), 4, Int8Target(min_sqnr_db=40))
    assert settings.onnx_int8 == OnnxInt8("entropy", symmetric=True, weights="int7")
    assert settings.gates == DEFAULT_GATES


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


RECIPES = [
    pytest.param(yaml.safe_load(text), id=f"{page.stem}{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
    if "rerun-incomplete" not in text  # a profile of Snakemake's
]


@pytest.mark.parametrize("block", RECIPES)
def test_the_recipes_in_the_pages_are_valid_configuration(block: dict):
    """They are parts of a config.yaml, or entries of models alone."""
    known = block.keys() & SCHEMA["properties"].keys()
    models = block.get("models") or ({} if known else block)
    assert not refused({key: block[key] for key in known} | {"models": models})


def test_the_program_in_the_pages_is_that_of_the_bundle():
    from zoo.deploy.programs import programs

    record = Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    page = (PROJECT / "docs/deploy.md").read_text(encoding="utf-8")
    assert programs(record, "int8")["predict.py"] in page
