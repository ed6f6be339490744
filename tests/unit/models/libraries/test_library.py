"""Every library answers every question; mypy reads this file, and checks that it does so in the same form."""

import inspect
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from zoo.config.libraries import LIBRARIES, LibraryName
from zoo.config.model_spec import ModelSpec
from zoo.config.records.card import CLASSIFICATION, OTHER
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models import libraries
from zoo.models.card import default_task
from zoo.models.libraries import (
    Library,
    library,
    module_models,
    onnx_models,
    open_clip_models,
    timm_models,
    torchscript_models,
    torchvision_models,
)

EVERY: dict[LibraryName, Library] = {
    "timm": timm_models,
    "torchvision": torchvision_models,
    "open_clip": open_clip_models,
    "module": module_models,
    "onnx": onnx_models,
    "torchscript": torchscript_models,
}
QUESTIONS = [name for name in vars(Library) if not name.startswith("_")]
ARCHITECTURES: dict[LibraryName, str] = {
    "timm": "test_resnet",
    "torchvision": "resnet18",
    "open_clip": "convnext_base_w",
    "module": "nets:net",
    "onnx": "net.onnx",
    "torchscript": "net.pt",
}


def spec(name: LibraryName) -> ModelSpec:
    return ModelSpec.from_config("net", {name: ARCHITECTURES[name]})


@pytest.mark.parametrize("name", EVERY)
def test_the_module_is_found_by_its_name(name: LibraryName) -> None:
    assert library(spec(name)) is EVERY[name]


def test_a_library_that_is_not_installed_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "open_clip")
    with pytest.raises(ZooError, match=r"a model of open_clip needs open_clip, .*'ncnn-zoo\[clip\]'"):
        library(spec("open_clip"))


def test_every_library_has_a_module_and_every_module_a_row() -> None:
    modules = {path.stem for path in Path(str(libraries.__file__)).parent.glob("*_models.py")}
    assert modules == {f"{name}_models" for name in LIBRARIES} == {f"{name}_models" for name in EVERY}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("name", EVERY)
def test_every_library_answers_every_question_in_the_same_form(name: LibraryName, question: str) -> None:
    asked = list(inspect.signature(getattr(Library, question)).parameters)[1:]
    assert list(inspect.signature(getattr(EVERY[name], question)).parameters) == asked


@pytest.mark.parametrize("name", EVERY)
def test_only_open_clips_models_are_no_classifiers_by_one_vector(name: LibraryName) -> None:
    expected = OTHER if name == "open_clip" else CLASSIFICATION
    assert default_task(spec(name), {"output": (10,)}) == expected
    assert default_task(spec(name), {"output": (10, 4)}) == OTHER
    assert default_task(spec(name), {"a": (10,), "b": (10,)}) == OTHER


@pytest.mark.parametrize("name", ["module", "onnx", "torchscript"])
def test_what_is_the_users_own_has_default_records_and_its_own_weights(
    name: LibraryName,
) -> None:
    assert EVERY[name].preprocess(spec(name)) == Preprocess()
    assert EVERY[name].licence(spec(name)) is None and EVERY[name].labels(spec(name)) is None
    with pytest.raises(ZooError, match="weights"):
        EVERY[name].pretrained(spec(name))


def test_a_towers_tensors_are_found_in_those_of_a_whole_model_of_clip() -> None:
    one = torch.ones(1)
    both = {"visual.head": one, "transformer.weight": one}
    assert list(open_clip_models.own_part(both)) == ["head"]
    assert list(open_clip_models.own_part({"head": one})) == ["head"], "those of a tower alone"
    for name in set(EVERY) - {"open_clip"}:
        assert EVERY[name].own_part(both) is both


def test_only_timm_says_channels_and_loads_foreign_files() -> None:
    gray = ModelSpec.from_config("net", {"timm": "test_resnet", "args": {"in_chans": 1}})
    assert timm_models.channels(gray) == 1 and timm_models.channels(spec("timm")) is None
    model = nn.Linear(2, 7)
    model.num_classes = 7  # type: ignore[assignment]
    overlay = {"file": "a.pth", "num_classes": 7}
    expected = {"pretrained": True, "pretrained_cfg_overlay": overlay}
    assert timm_models.loader_options(model, Path("a.pth")) == expected
    for name in set(EVERY) - {"timm"}:
        assert EVERY[name].channels(spec(name)) is None
        assert EVERY[name].loader_options(model, Path("a.pth")) is None


def test_only_onnx_files_say_what_they_take_themselves() -> None:
    for name in set(EVERY) - {"onnx"}:
        assert EVERY[name].traits(spec(name), Preprocess()) is None
