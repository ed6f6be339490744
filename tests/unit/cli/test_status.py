"""`zoo status`: what the records say, without building anything."""

import json
from pathlib import Path

import pytest

from samples.artifacts import pair, proof
from samples.command import call, zoo_folder
from samples.ncnn import small_network


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """fp32 passed, fp16 failed, bf16 without a proof."""
    folder = zoo_folder(tmp_path, monkeypatch) / "results/cpu/small"
    folder.mkdir(parents=True)
    for name, failures in (("fp32", ()), ("fp16", ("the cosine .9 is below the gate .99",)), ("bf16", None)):
        files = pair(small_network(), folder, name)
        if failures is not None:
            proof(*files, failures=failures, name=name).write(folder / f"{name}.verify.json")
    return folder


def test_the_table_has_each_artifact_what_it_is_and_why(folder: Path):
    done = call("status")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[2:5] for line in lines[1:4]] == [
        ["fp32", "passed", "40.0"],
        ["fp16", "failed", "40.0"],
        ["bf16", "unverified", "0.00"],
    ]
    assert "small/cpu/fp16: the cosine .9 is below the gate .99" in done.stdout
    assert "not built: other" in done.stdout and done.exit_code == 1


def test_json_is_a_line_an_artifact(folder: Path):
    rows = [json.loads(line) for line in call("status", "small", "--json").stdout.splitlines()]
    assert [row["state"] for row in rows] == ["passed", "failed", "unverified"]
    assert rows[0]["files"] == ["results/cpu/small/fp32.param", "results/cpu/small/fp32.bin"]
    assert rows[0]["bytes"] == sum(Path(file).stat().st_size for file in rows[0]["files"])
    assert rows[0]["ratio"] is None and rows[0]["sqnr_db"] == 40.04


def test_json_has_a_line_too_for_a_model_that_is_not_built(folder: Path):
    done = call("status", "other", "--json")
    empty = {"device": None, "artifact": None, "sqnr_db": None, "ratio": None, "bytes": None}
    expected = {"model": "other", "state": "not built", "why": "", "files": []} | empty
    assert json.loads(done.stdout) == expected and done.exit_code == 0
    built = json.loads(call("status", "small", "--json").stdout.splitlines()[0])
    assert list(built) == list(json.loads(done.stdout)), "the same keys in the same order"


@pytest.mark.parametrize("command", ["status", "best", "build"])
def test_a_device_that_there_is_not_is_refused_as_in_the_configuration(folder: Path, command: str):
    done = call(command, "small", "--device", "tpu")
    said = "--device: tpu is neither cpu nor gpu, nor one of targets (there are none); did you mean gpu?"
    assert done.exit_code == 1 and said in done.stderr and not done.stdout


def test_a_file_that_is_not_the_one_verified_is_changed(folder: Path):
    (folder / "fp16.verify.json").unlink()
    assert call("status", "small").exit_code == 0
    (folder / "fp32.bin").write_bytes(b"another")
    done = call("status", "small")
    assert done.exit_code == 1 and "fp32.bin is not the file that was verified" in done.stdout


def test_what_is_built_for_other_devices_is_left_out_if_one_is_named(folder: Path):
    row = json.loads(call("status", "small", "--device", "gpu", "--json").stdout)
    assert (row["model"], row["state"]) == ("small", "not built")
