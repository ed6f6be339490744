"""What is built by itself."""

from dataclasses import replace

import pytest

from samples.zoos import A76, BOARD, TARGETS, ZOO
from zoo.config.outputs.built import built, on_targets
from zoo.config.settings import Signing
from zoo.config.zoo import Zoo


def test_everything_of_some_models_is_their_artifacts_and_verdicts():
    assert built(ZOO, ["one", "two"], ("cpu", "gpu")) == [
        *("results/cpu/one/fp32.param", "results/cpu/one/fp32.bin"),
        *("results/cpu/one/int8.param", "results/cpu/one/int8.bin", "results/cpu/one/fp32.onnx"),
        *("results/cpu/one/fp32.passed", "results/cpu/one/int8.passed", "results/cpu/one/fp32.onnx.passed"),
        *("results/cpu/one/int8.table", "results/cpu/one/int8.recipe.json", "results/cpu/one/README.md"),
        *("results/cpu/two/fp16.param", "results/cpu/two/fp16.bin", "results/cpu/two/fp16.passed"),
        "results/cpu/two/README.md",
        *("results/gpu/one/fp32.param", "results/gpu/one/fp32.bin"),
        *("results/gpu/one/int8.param", "results/gpu/one/int8.bin"),
        *("results/gpu/one/fp32.passed", "results/gpu/one/int8.passed"),
        *("results/gpu/one/int8.table", "results/gpu/one/int8.recipe.json", "results/gpu/one/README.md"),
        *("results/gpu/two/fp16.param", "results/gpu/two/fp16.bin", "results/gpu/two/fp16.passed"),
        "results/gpu/two/README.md",
        *("results/report.html", "results/zoo.csv", "results/sbom.cdx.json", "results/manifest.json"),
    ]


def test_the_manifest_is_signed_if_a_command_is_configured():
    zoo = replace(ZOO, signing=Signing("sign {manifest}"))
    assert built(zoo, [], ())[-2:] == ["results/manifest.json", "results/manifest.json.sig"]


def test_what_is_built_on_targets_is_of_all_of_them_and_of_nothing_else():
    files = on_targets(TARGETS, ["one"])
    assert "results/a76/one/fp16.passed" in files and "results/a76/one/README.md" in files
    assert all(file.startswith("results/a76/one/") for file in files)


def test_no_board_is_asked_for_by_itself():
    assert not any(file.startswith("results/pi5/") for file in on_targets(BOARD, BOARD.embedded))


@pytest.mark.parametrize("plan", [True, False])
def test_masks_are_built_where_they_are_planned(plan: bool):
    entry = {"timm": "resnet18", "weights": {"random": 0}, "fp16": {"plan": plan}}
    zoo = Zoo.of({"models": {"one": entry}, "targets": A76})
    for device in ("cpu", "gpu", "a76"):
        assert (f"results/{device}/one/fp16.recipe.json" in built(zoo, ["one"], [device])) == plan
