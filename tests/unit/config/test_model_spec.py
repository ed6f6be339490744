import json

import pytest

from zoo.config.model_spec import ModelSpec
from zoo.config.weights_source import Training, WeightsSource
from zoo.errors import ZooError


def weights(entry):
    return ModelSpec.from_config("m", {"timm": "resnet18", "weights": entry}).weights


def test_one_line_is_enough_and_means_the_hub():
    spec = ModelSpec.from_config("atto", {"timm": "convnext_atto.d2_in1k"})
    assert spec == ModelSpec(name="atto", library="timm", architecture="convnext_atto.d2_in1k")
    assert spec.weights == WeightsSource(kind="hub", location=None)
    assert spec.weights.remote and not spec.weights.random


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"hub": "me/mine@v1", "file": "a.bin"}, WeightsSource("hub", "me/mine@v1", file="a.bin")),
        ({"sha256": "0" * 64}, WeightsSource("hub", sha256="0" * 64)),
        ({"url": "https://a/b.pth"}, WeightsSource("url", "https://a/b.pth")),
        ({"file": "a.pth", "keys": "order"}, WeightsSource("file", "a.pth", keys="order")),
        ({"package": "p"}, WeightsSource("package", "p", keys="order")),
        ({"package": "p", "file": "*.pth", "keys": "name"}, WeightsSource("package", "p", file="*.pth")),
        ({"train": "digits", "seed": 3}, WeightsSource("train", "digits", seed=3, training=Training())),
        (
            {"train": {"images": "plants", "from": {"file": "a.pth"}, "held_out": 0.1, "epochs": 9}},
            WeightsSource(
                "train", "plants", training=Training(WeightsSource("file", "a.pth"), 0.1, 0, {"epochs": 9})
            ),
        ),
        ({"random": 7}, WeightsSource("random", seed=7)),
    ],
)
def test_every_source_is_read(entry, expected):
    assert weights(entry) == expected


def test_only_hub_and_url_need_a_network():
    entries = ({"url": "https://a/b"}, {"file": "f"}, {"package": "p"}, {"train": "digits"}, {"random": 0})
    assert [weights(entry).remote for entry in entries] == [True, False, False, False, False]
    assert weights({"random": 0}).random


@pytest.mark.parametrize(
    ("entry", "weights", "title"),
    [
        ({"torchvision": "resnet18"}, WeightsSource("hub"), "torchvision's resnet18"),
        ({"open_clip": "RN50.openai"}, WeightsSource("hub"), "open_clip's RN50.openai"),
        ({"module": "nets:detector"}, WeightsSource("own"), "nets:detector"),
        (
            {"module": "nets:detector", "weights": {"random": 1}},
            WeightsSource("random", seed=1),
            "nets:detector",
        ),
        ({"module": "nets:d", "weights": {"file": "a.pth"}}, WeightsSource("file", "a.pth"), "nets:d"),
        ({"onnx": "a/b.onnx"}, WeightsSource("own"), "a/b.onnx"),
        (
            {"torchscript": "b.pt", "weights": {"sha256": "0" * 64}},
            WeightsSource("own", sha256="0" * 64),
            "b.pt",
        ),
    ],
)
def test_every_library_is_read(entry, weights, title):
    spec = ModelSpec.from_config("m", entry)
    assert (spec.library, spec.architecture) == next(iter(entry.items()))
    assert spec.weights == weights and spec.title == title
    assert not WeightsSource("own").remote and not WeightsSource("own").random


def test_specification_survives_json():
    spec = ModelSpec.from_config(
        "mine",
        {
            "timm": "convnext_atto",
            "args": {"depths": [1, 1, 2, 1], "num_classes": 10},
            "weights": {"file": "a/b.safetensors", "sha256": "ab" * 32},
            "preprocess": {"size": [128, 96], "crop_pct": 1.0},
            "inputs": [{"name": "x", "shape": [3, 128, 96]}, {"shape": [5], "values": 0.5}],
            "second_size": [64, 96],
            "task": "other",
            "licence": "MIT",
            "labels": "names.txt",
        },
    )
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "say which model it is by one of timm, torchvision, .* for example timm: convnext_atto"),
        ({"timm": "resnet18", "wieghts": {}}, r"unknown wieghts; did you mean weights\?"),
        (
            {"timm": "resnet18", "weights": {"random": 0, "file": "a"}},
            "from one source, not from file and random",
        ),
        (
            {"timm": "resnet18", "weights": {"package": "p", "random": 0}},
            "one source, not from package and random",
        ),
        ({"timm": "resnet18", "weights": {"random": 0, "seed": 1}}, "unknown seed"),
        ({"timm": "resnet18", "weights": {"random": -1}}, "seed must be a whole number"),
        ({"timm": "resnet18", "weights": {"random": True}}, "seed must be a whole number"),
        ({"timm": "resnet18", "weights": {"package": None}}, "need a value"),
        ({"timm": "resnet18", "weights": {"file": "a", "sha256": "12"}}, "64 hexadecimal digits"),
        ({"timm": "resnet18", "weights": {"file": "a", "keys": "size"}}, "keys must be name or order"),
        ({"timm": "resnet18", "weights": {"hub": "nobody"}}, "owner/name"),
        (
            {"timm": "resnet18", "weights": {"url": "notaurl"}},
            "'notaurl' is no address of a file, such as http",
        ),
        ({"timm": "resnet18", "weights": {"url": "https://[a"}}, "no address of a file"),
        ({"timm": "resnet18", "weights": {"url": "https://example.org/"}}, "no address of a file"),
        ({"timm": "resnet18", "args": {"pretrained": True}}, "must not contain pretrained"),
        ({"timm": "resnet18", "torchvision": "resnet18"}, "say which model it is by one of"),
        ({"timm": ["resnet18"]}, "say which model it is by one of"),
        ({"onnx": "a.onnx", "args": {"x": 1}}, "args are for what builds a model; a.onnx is built already"),
        ({"torchscript": "a.pt", "args": {"x": 1}}, "a.pt is built already"),
        ({"onnx": "a.onnx", "weights": {"file": "b"}}, "a.onnx holds its weights; of weights only sha256"),
        ({"module": "a:b", "weights": {"own": 1}}, "unknown own"),
        ({"module": "a:b", "weights": {"sha256": "0" * 64}}, "sha256 is of a file of weights; say where"),
        ({"timm": "resnet18", "preprocess": {"sizes": [1, 1]}}, r"unknown sizes; did you mean size\?"),
        ({"timm": "resnet18", "weights": {"train": {"images": "a", "epoch": 3}}}, "unknown epoch; known are"),
        (
            {"timm": "resnet18", "weights": {"train": {"images": "a", "epochs": 3}}},
            "warmup_epochs must be fewer than epochs, not 5 of 3",
        ),
    ],
)
def test_mistakes_are_named(entry, said):
    with pytest.raises(ZooError, match=said) as error:
        ModelSpec.from_config("m", entry)
    assert str(error.value).startswith("m: ")


@pytest.mark.parametrize(
    "entry",
    [
        {"timm": "resnet18.a1_in1k", "weights": {"train": {"images": "a", "epochs": 3}}},
        {"timm": "resnet18", "weights": {"train": {"images": "a", "epochs": 3, "from": {"file": "b.pth"}}}},
    ],
)
def test_a_short_fine_tuning_needs_no_word_about_its_warmup(entry):
    recipe = ModelSpec.from_config("m", entry).weights.recipe
    assert (recipe.epochs, recipe.warmup_epochs) == (3, 1)
