"""`zoo doctor`: of a model, and of the machine."""

import json
from pathlib import Path

import pytest

from samples.command import call
from zoo.cli.looks import machine
from zoo.cli.looks.machine import Fact
from zoo.sweep import limited
from zoo.sweep.row import FP32, Outcome, Row

FACTS = (Fact("Python", "3.11"), Fact("Vulkan", "no device", None, "install one"))


def test_the_machine_is_fit_if_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "facts", lambda: FACTS)
    done = call("doctor")
    assert done.exit_code == 0 and done.stdout == "ok  Python  3.11\n--  Vulkan  no device; install one\n"
    assert [each["name"] for each in json.loads(call("doctor", "--json").stdout)] == ["Python", "Vulkan"]
    monkeypatch.setattr(machine, "facts", lambda: [*FACTS, Fact("ncnn", "not installed", False)])
    assert call("doctor").exit_code == 1


@pytest.mark.parametrize(("cosine", "status"), [(1.0, 0), (0.5, 1)])
def test_a_model_is_told_in_words_and_by_the_status(
    monkeypatch: pytest.MonkeyPatch, cosine: float, status: int
):
    def examined(spec, start, home, folder, seconds, *, small, patience):
        assert (home / "Snakefile").is_file() and folder.is_dir() and seconds == 9
        return Row("timm", "", spec.architecture, (96, 96), 1, 1, "ONNX", (), {FP32: Outcome(cosine, 110.0)})

    monkeypatch.setattr(limited, "row_of", examined)
    done = call("doctor", "resnet18", "--seconds", 9)
    assert done.exit_code == status and "timm's resnet18, 96 x 96 px" in done.stdout
    assert json.loads(call("doctor", "resnet18", "--seconds", 9, "--json").stdout)["way"] == "ONNX"


def test_a_path_of_no_model_is_called_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("x.txt").touch()
    assert "folder is a folder; name a file of a model (.onnx, .pt, " in call("doctor", "folder").stderr
    assert "x.txt is not a kind of file that is known here" in call("doctor", "x.txt").stderr


def test_a_model_that_nobody_knows_is_a_sentence():
    done = call("doctor", "resnet_18")
    assert done.exit_code == 1 and done.stderr.startswith("error: resnet_18 is no model of config.yaml")
