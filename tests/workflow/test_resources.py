"""What jobs ask for and what they used is on record, and nothing that they needed for a while stays."""

import csv
import io
import subprocess
import sys

import pytest

from samples.workflow import Zoo

pytestmark = pytest.mark.long(20)


def table(zoo: Zoo, model: str) -> dict[str, dict[str, str]]:
    """What scripts/resources.py says of a model's stages."""
    done = subprocess.run(
        [sys.executable, "scripts/resources.py", model, "--csv"],
        cwd=zoo.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return {row["stage"]: row for row in csv.DictReader(io.StringIO(done.stdout))}


def test_every_stage_is_on_record_and_stays_within_what_it_asked_for(built_zoo: Zoo):
    stages = table(built_zoo, "one")
    assert {"weights", "reference verification", "cpu torchscript", "cpu onnx", "cpu ncnn_fp32"} <= set(
        stages
    )
    assert {"cpu calibrate", "cpu sensitivity", "cpu trials", "cpu int8", "cpu bench int8"} <= set(stages)
    for stage, row in stages.items():
        assert 20 < int(row["memory MB"]) <= int(row["memory asked for"]) < 3000, (stage, row)


def test_what_a_zoo_will_take_is_told_before_it_is_built(zoo: Zoo):
    zoo.configure(lambda config: config["models"].update(three={"timm": "test_vit"}))
    command = [sys.executable, "scripts/resources.py", "--zoo", "--cores", "64", "--core-hour", "100"]
    done = subprocess.run(command, cwd=zoo.folder, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("3 models, 2 of them on record: ") and done.stdout.endswith(" dollars\n")
    assert " hours on 64 cores, " in done.stdout


def test_a_model_without_records_is_an_error(built_zoo: Zoo):
    done = subprocess.run(
        [sys.executable, "scripts/resources.py", "three"],
        cwd=built_zoo.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "no record of a job of three" in done.stderr


def test_no_temporary_file_stays_and_a_limit_on_memory_holds(zoo: Zoo, tmp_path):
    (tmp_path / "tmp").mkdir()
    (zoo / "results/cpu/one/fp32.onnx").unlink()
    outcome = zoo.snakemake(
        *("results/cpu/one/fp32.onnx", "--resources", "gpu=1", "mem_mb=900"), TMPDIR=str(tmp_path / "tmp")
    )
    assert outcome.status == 0, outcome.text
    assert table(zoo, "one")["cpu onnx"]["memory asked for"] == "900"
    assert not list(zoo.folder.rglob(".partial-*"))
    # onnxruntime and torch each leave a note of some bytes; a model would be far larger
    left = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in left) < 10_000, left
