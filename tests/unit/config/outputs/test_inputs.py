"""What jobs read."""

import re
from pathlib import Path

import pytest

from samples.zoos import A76, BOARD, TARGETS, ZOO
from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs import inputs, paths, patterns
from zoo.config.zoo import Model, Zoo


def test_a_lock_that_is_there_is_no_jobs_to_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path, beside = paths.lock_files("cpu", "one")
    others = ["locks/gpu/one.json", "locks/cpu/two.json", "locks/cpu/one-more.json"]
    pattern = rf"locks/(?:{patterns.unlocked_device(ZOO)})/[^/]+"
    assert all(re.fullmatch(pattern, each) for each in (path, beside, *others))
    assert inputs.lock_inputs("cpu", "one") == [path, beside], "a rule makes both"
    Path(path).parent.mkdir(parents=True)
    Path(path).write_text("{}")
    pattern = rf"locks/(?:{patterns.unlocked_device(ZOO)})/[^/]+"
    assert not re.fullmatch(pattern, path) and not re.fullmatch(pattern, beside)
    assert all(re.fullmatch(pattern, each) for each in others)
    assert inputs.lock_inputs("cpu", "one") == [path], "the job says that the other is missing"
    Path(beside).write_text("")
    assert inputs.lock_inputs("cpu", "one") == [path, beside]


def test_only_ncnns_artifacts_are_compared_layer_by_layer():
    assert inputs.layer_reference("cpu", "one", "int8") == paths.artifact_files("cpu", "one", "fp32")
    assert inputs.layer_reference("cpu", "one", "fp32.onnx") == []


@pytest.mark.parametrize(
    ("plan", "masked"),
    [
        ("auto", {"a76": ["fp16", "w8", "w6", "w4", "int8"], "gpu": [], "cpu": []}),
        (True, {"a76": ["fp16", "w8", "w6", "w4", "int8"], "gpu": ["fp16"], "cpu": ["fp16"]}),
        (False, {"a76": [], "gpu": [], "cpu": []}),
    ],
)
def test_what_computes_in_float16_on_a_target_has_masks_there(plan, masked):
    entry = {"timm": "resnet18", "weights": {"random": 0}, "fp16": {"plan": plan}}
    zoo = Zoo.of({"models": {"one": entry}, "targets": A76})
    for device, names in masked.items():
        recipe = [f"results/{device}/one/fp16.recipe.json"]
        found = [name for name in ARTIFACTS if inputs.fp16_recipe(zoo, device, "one", name) == recipe]
        assert found == names
        assert inputs.fp16_recipes(zoo, device, "one") == (recipe if names else [])


def test_weights_of_few_bits_are_held_to_what_was_measured_when_they_were_made():
    expected = [f"results/cpu/one/{name}" for name in ("w4.trial.json", "w4.recipe.json")]
    for device in ("cpu", "a76"):
        found = inputs.judgement(TARGETS, device, "one", "w4")
        assert found == [*expected, "results/cpu/one/search/reference.npz"]


def test_the_best_on_a_board_is_chosen_by_its_times():
    assert "results/pi5/one/int8.bench.json" in inputs.contenders(BOARD, "pi5", "one", "bench.json")
    assert inputs.contenders(BOARD, "a76", "one", "bench.json") == []


def test_a_recipe_that_nobody_has_or_makes_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    model = Model.of("one", {"timm": "x", "int8": {"recipe": "my.json"}}, {})
    assert inputs.pinned(model, lambda path: False) is None
    assert inputs.pinned(model, lambda path: path == "my.json") == "my.json"
    Path("my.json").touch()
    assert inputs.pinned(model, lambda path: False) == "my.json"
    assert inputs.pinned(Model.of("one", {"timm": "x"}, {}), lambda path: True) is None
