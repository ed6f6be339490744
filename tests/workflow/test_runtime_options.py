"""ncnn's options for an artifact, by real Snakemake: said or searched, and obeyed by all that runs it."""

import subprocess
import sys
import zipfile

import pytest

from samples.workflow import Zoo
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.verification import Verification
from zoo.ncnn.options import Options

ONE, TWO = "results/cpu/one/fp16", "results/cpu/two/fp32"


def configure(config: dict) -> None:
    config["models"]["one"]["runtime"] = {"fp16": {"use_winograd_convolution": False, "threads": 2}}
    config["models"]["two"]["runtime"] = {"search": True, "fp32": {"use_packing_layout": True}}


@pytest.mark.long(60)
def test_options_are_said_or_searched_and_everything_that_runs_an_artifact_sets_them(zoo: Zoo):
    zoo.configure(configure)
    jobs = zoo.build(f"{ONE}.deploy.zip", f"{TWO}.verify.json")
    assert {"options of cpu/one/fp16", "verify cpu/one/fp16", "deploy cpu/one/fp16"} <= jobs
    assert {"options of cpu/two/fp32", "verify cpu/two/fp32"} <= jobs
    said = Options({"use_winograd_convolution": False}, 2)
    assert RuntimeOptions.read(zoo / f"{ONE}.options.json").options == said
    assert Verification.read(zoo / f"{ONE}.verify.json").options == said
    with zipfile.ZipFile(zoo / f"{ONE}.deploy.zip") as archive:
        for program in ("predict.py", "main.cpp"):
            text = archive.read(f"one-cpu-fp16/{program}").decode()
            assert "net.opt.use_winograd_convolution = " in text

    found = RuntimeOptions.read(zoo / f"{TWO}.options.json")
    assert {each.name for each in found.tried} == {"no Winograd", "no sgemm"}, "packing was said by hand"
    assert all(each.ratio is not None and each.sqnr_db is not None for each in found.tried)
    assert found.images == 2 and found.by_hand == ("use_packing_layout",)
    assert Verification.read(zoo / f"{TWO}.verify.json").options == found.options
    assert zoo.pending(f"{ONE}.deploy.zip", f"{TWO}.verify.json") == set()
    assert zoo.pending() == set(), "nothing else is stale"

    (image, *_) = sorted((zoo / "photos").glob("*.png"))
    command = [sys.executable, "scripts/predict.py", f"{ONE}.param", image]
    outcome = subprocess.run(command, cwd=zoo.folder, capture_output=True, text=True)
    assert outcome.returncode == 0 and not outcome.stderr, outcome.stderr

    zoo.configure(lambda config: config["models"]["one"].pop("runtime"))
    assert zoo.pending(f"{ONE}.verify.json") == {"verify cpu/one/fp16"}
    outcome = zoo.snakemake("--dry-run", f"{ONE}.options.json")
    assert outcome.status != 0 and "nothing is said of the options of fp16 on cpu" in outcome.text
