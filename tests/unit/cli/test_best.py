"""`zoo best`: the choice that was made, and where it is."""

import json
from pathlib import Path

import pytest

from samples.artifacts import pair, proof
from samples.command import call, zoo_folder
from samples.ncnn import small_network
from zoo.config.settings import Best
from zoo.deploy.best import choose


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = zoo_folder(tmp_path, monkeypatch) / "results/cpu/small"
    folder.mkdir(parents=True)
    files = pair(small_network(), folder)
    choose([proof(*files)], [], Best()).write(folder / "best.json")
    return folder


def test_the_choice_is_told_with_its_reason_its_files_and_the_next_command(folder: Path):
    done = call("best", "small")
    assert done.exit_code == 0 and done.stdout.startswith("cpu: fp32 is the smallest and the only one")
    assert "results/cpu/small/fp32.param, results/cpu/small/fp32.bin" in done.stdout
    assert "snakemake results/cpu/small/best.deploy.zip" in done.stdout
    (folder / "best.deploy.zip").touch()
    assert "results/cpu/small/best.deploy.zip: the same with programs" in call("best", "small").stdout


def test_json_has_the_same(folder: Path):
    told = json.loads(call("best", "small", "--json").stdout)
    assert (told["device"], told["artifact"], told["bundle"]) == ("cpu", "fp32", None)
    assert told["files"] == ["results/cpu/small/fp32.param", "results/cpu/small/fp32.bin"]


def test_where_nothing_was_chosen_the_command_is_told(folder: Path):
    done = call("best", "small", "--device", "gpu")
    assert (
        done.exit_code == 1
        and "nothing was chosen for small yet: zoo build small --device gpu" in done.stderr
    )
