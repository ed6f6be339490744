"""Where the workflow is, what config.yaml declares, and how Snakemake is called."""

import sys
from pathlib import Path

import pytest

from samples.command import call, zoo_folder
from zoo.cli import workflow
from zoo.config.reading.model_files import of_folder
from zoo.errors import ZooError

PROJECT = Path(__file__).resolve().parents[3]


def test_the_workflow_is_that_of_the_repository_and_its_rules_are_known():
    assert workflow.home() == PROJECT
    assert {"all", "embedded", "sweep", "verify"} <= workflow.targets()


def test_a_folder_without_a_configuration_is_told_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert of_folder() == {}
    with pytest.raises(ZooError, match=r"there is no config.yaml in .*; zoo init MODEL writes one"):
        workflow.declared()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# nothing yet\n", "config.yaml says nothing; zoo init MODEL"),
        ("- a\n- b\n", "config.yaml has no keys at its top; declare a model"),
        ("hello\n", "config.yaml has no keys at its top; declare a model"),
    ],
)
def test_a_configuration_without_keys_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
):
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(text)
    with pytest.raises(ZooError, match=sentence):
        workflow.declared()


def test_what_is_wrong_with_a_configuration_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("models:\n  mine: {tim: resnet18}\n")
    with pytest.raises(
        ZooError, match=r"unknown tim; did you mean timm\? \(config.yaml, line 2, column 10\)"
    ):
        workflow.declared()


def test_a_model_that_is_not_declared_is_answered_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    zoo_folder(tmp_path, monkeypatch)
    declared = workflow.declared()
    assert workflow.model_of("small", declared) == "small"
    with pytest.raises(ZooError, match=r"smal is no model of config.yaml; did you mean small\?"):
        workflow.model_of("smal", declared)


@pytest.mark.parametrize("own", [False, True])
def test_snakemake_is_called_with_the_snakefile_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
):
    zoo_folder(tmp_path, monkeypatch)
    if own:
        Path("Snakefile").touch()
    Path("python").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\nexit 7\n')
    Path("python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert workflow.snakemake(["small", "--dry-run"]) == 7
    snakefile = [] if own else ["--snakefile", str(PROJECT / "Snakefile")]
    assert Path("called").read_text().split() == ["-m", "snakemake", *snakefile, "small", "--dry-run"]


def test_without_snakemake_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "snakemake", None)
    monkeypatch.delitem(sys.modules, "snakemake")
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: None if name == "snakemake" else object())
    with pytest.raises(ZooError, match=r"building needs snakemake, .*: pip install 'ncnn-zoo\[build\]'"):
        workflow.snakemake([])


def test_models_of_another_file_are_known_to_each_command_that_is_given_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    zoo_folder(tmp_path, monkeypatch)
    Path("mine.yaml").write_text("models: {mine: {timm: resnet18, weights: {random: 0}}}\n")
    given = ("--configfile", "mine.yaml")
    assert "not built: mine" in call("status", "mine", *given).stdout
    assert "nothing was chosen for mine yet" in call("best", "mine", *given).stderr
    for command in ("status", "best"):
        assert "mine is no model of config.yaml" in call(command, "mine").stderr
    missing = call("status", "--configfile", "missing.yaml")
    assert missing.exit_code == 1 and "missing.yaml is missing" in missing.stderr
