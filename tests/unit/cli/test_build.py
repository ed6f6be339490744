"""`zoo build`: what it asks Snakemake for."""

import json
from pathlib import Path

import pytest

from samples.artifacts import pair
from samples.command import call, zoo_folder
from samples.ncnn import small_network
from zoo.cli import workflow


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What Snakemake was called with."""
    zoo_folder(tmp_path, monkeypatch)
    calls: list[list[str]] = []
    monkeypatch.setattr(
        workflow, "snakemake", lambda arguments, quiet_output=False: calls.append(list(arguments)) or 5
    )
    return calls


def test_a_model_is_built_by_its_name_and_the_status_is_snakemakes(asked: list[list[str]]):
    assert call("build", "small").exit_code == 5
    assert asked == [["small"]]


def test_options_and_what_follows_two_dashes_are_handed_on(asked: list[list[str]]):
    with Path("config.yaml").open("a") as file:
        file.write("targets: {a76: {emulate: cortex-a76}}\n")
    call("build", "small", "-n", "-k", "--cores", 2, "--device", "cpu", "--device", "a76", "--", "--verbose")
    assert asked == [
        ["small", "--verbose", "--cores", "2", "--dry-run", "--keep-going", "--config", "devices=[cpu,a76]"]
    ]


def test_models_of_another_file_are_built_by_it(asked: list[list[str]]):
    Path("mine.yaml").write_text("models: {mine: {timm: resnet18, weights: {random: 0}}}\n")
    call("build", "mine", "--configfile", "mine.yaml", "--", "--verbose")
    assert asked == [["mine", "--verbose", "--configfile", "mine.yaml"]]
    done = call("build", "mine", "--", "--configfile", "mine.yaml")
    assert done.exit_code == 2 and "give --configfile before --" in done.stderr and len(asked) == 1


def test_targets_and_files_are_built_too(asked: list[list[str]]):
    call("build", "embedded", "results/cpu/small/int8.param")
    assert asked == [["embedded", "results/cpu/small/int8.param"]]


def test_a_name_that_there_is_not_is_refused_before_snakemake_is_called(asked: list[list[str]]):
    done = call("build", "smal")
    assert done.exit_code == 1 and "smal is no model of config.yaml; did you mean small?" in done.stderr
    assert not asked


def test_json_has_a_model_of_which_nothing_was_made(asked: list[list[str]]):
    row = json.loads(call("build", "other", "--json").stdout)
    assert (row["model"], row["state"]) == ("other", "not built")


def test_json_is_what_there_is_when_the_build_has_ended(asked: list[list[str]], tmp_path: Path):
    folder = tmp_path / "results/cpu/small"
    folder.mkdir(parents=True)
    pair(small_network(), folder)
    rows = [json.loads(line) for line in call("build", "small", "--json").stdout.splitlines()]
    assert [(row["model"], row["artifact"], row["state"]) for row in rows] == [
        ("small", "fp32", "unverified")
    ]
