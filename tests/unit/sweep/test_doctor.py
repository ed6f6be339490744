from dataclasses import replace
from pathlib import Path

import pytest

from zoo.config.model_spec import ModelSpec
from zoo.config.records.conversion import Failure
from zoo.errors import ZooError
from zoo.sweep.doctor import in_words, spec_of
from zoo.sweep.row import FP16, FP32, INT8, ONNX, Outcome, Row

CONFIG = {"models": {"mine": {"timm": "convnext_atto.d2_in1k", "args": {"num_classes": 10}}}}


def test_a_model_of_the_configuration_keeps_its_entry_but_for_weights():
    spec = spec_of("mine", CONFIG, [64, 96])
    assert (spec.architecture, spec.args) == ("convnext_atto.d2_in1k", {"num_classes": 10})
    assert spec.preprocess == {"size": [64, 96]}
    assert (spec.weights.kind, spec.weights.seed) == ("random", 0)


@pytest.mark.parametrize(
    ("word", "library", "architecture"),
    [
        ("resnet18", "timm", "resnet18"),
        ("torchvision:resnet18", "torchvision", "resnet18"),
        ("maxvit_t", "torchvision", "maxvit_t"),
        ("ViT-S-16-alt", "open_clip", "ViT-S-16-alt"),
    ],
)
def test_an_architecture_is_found_in_the_libraries(word: str, library: str, architecture: str):
    spec = spec_of(word, {})
    assert (spec.library, spec.architecture, spec.weights.kind) == (library, architecture, "random")


def test_a_file_is_taken_as_it_is(tmp_path: Path):
    file = tmp_path / "net.onnx"
    file.touch()
    assert spec_of(str(file), {}) == ModelSpec.from_config("net", {"onnx": str(file)})
    with pytest.raises(ZooError, match="there is no such file"):
        spec_of(str(tmp_path / "other.pt"), {})


def test_a_library_that_is_not_installed_has_no_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zoo.sweep.doctor.find_spec", lambda name: None if name == "open_clip" else name)
    with pytest.raises(ZooError, match="ViT-S-16-alt is no model"):
        spec_of("ViT-S-16-alt", {})


def test_what_nobody_knows_is_answered_with_close_names():
    with pytest.raises(ZooError, match=r"resnet_18 is no model.*resnet18"):
        spec_of("resnet_18", {})


def test_the_words_say_what_works_by_which_way_and_what_is_in_the_way():
    spec = spec_of("resnet18", {})
    good = Row(
        "timm", "", "resnet18", (96, 96), 11_689_512, 333_000_000, "ONNX",
        (Failure("TorchScript", "no roll"),),
        {ONNX: Outcome(1.0, 120.0, "", 46_000_000), FP32: Outcome(1.0, 110.0), FP16: Outcome(1.0, 60.0),
         INT8: Outcome(0.9, 9.0, "9.0 dB")},
    )  # fmt: skip
    text = in_words(spec, good)
    assert "timm's resnet18, 96 x 96 px, 11.69 million parameters, 333.0 million multiply-adds" in text
    assert "fp32.onnx  works: cosine 1.000000, SQNR 120.0 dB, 46.0 MB" in text
    assert "by ONNX" in text and "not by TorchScript: no roll" in text
    assert "int8       WRONG" in text
    assert "It can be built for ncnn; int8 is for the build's search" in text
    only = Row("timm", "", "resnet18", artifacts={ONNX: Outcome(1.0, 120.0), FP32: Outcome(reason="no way")})
    assert "fp32       no: no way" in in_words(spec, only)
    assert "It cannot be built for ncnn. What can be: artifacts: [fp32.onnx]" in in_words(spec, only)
    lines = in_words(spec, Row("timm", "", "x", reason="NaN")).splitlines()
    assert lines[1:] == ["It cannot be built: NaN"], "once, not for each artifact"
    late = in_words(spec, replace(only, reason="it took more than 600 s"))
    assert "int8       no: it took more than 600 s" in late
    end = "The examination ended early: it took more than 600 s. What can be built: artifacts: [fp32.onnx]"
    assert late.endswith(end)
