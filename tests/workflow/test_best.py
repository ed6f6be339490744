"""The artifact to ship, by real Snakemake: chosen, copied, packed, shown, and told why."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from samples.workflow import Zoo
from zoo.config.records.best import BestArtifact

pytestmark = pytest.mark.long(60)

BEST = "results/cpu/one/best"


@pytest.fixture(scope="module")
def chosen(built_zoo: Zoo, tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """The tiny zoo with the best of model `one`, its smallest. Tests must not change it."""
    zoo = Zoo(shutil.copytree(built_zoo.folder, tmp_path_factory.mktemp("best") / "zoo", symlinks=True))
    zoo.configure(lambda config: config.update(best={"objective": "smallest"}))
    assert {"choose the best of cpu/one", "deploy cpu/one/best"} <= zoo.build(f"{BEST}.deploy.zip")
    return zoo


def test_the_best_is_a_copy_of_the_artifact_that_the_record_names(chosen: Zoo) -> None:
    record = BestArtifact.read(chosen / f"{BEST}.json")
    assert record.artifact == "int8"
    for end in ("param", "bin"):
        own = (chosen / f"results/cpu/one/int8.{end}").read_bytes()
        assert (chosen / f"{BEST}.{end}").read_bytes() == own
    with zipfile.ZipFile(chosen / f"{BEST}.deploy.zip") as archive:
        assert archive.read("one-cpu-int8/int8.bin") == (chosen / f"{BEST}.bin").read_bytes()
    assert [each.artifact for each in record.contenders][:1] == ["int8"]
    assert all(each.ratio is not None for each in record.contenders)


def test_predict_takes_it(chosen: Zoo) -> None:
    (image, *_) = sorted((Path(__file__).parents[2] / "calib/heldout").glob("*.jpg"))
    command = [sys.executable, "scripts/predict.py", f"{BEST}.param", image]
    outcome = subprocess.run(command, cwd=chosen.folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert "%" in outcome.stdout


def test_another_objective_chooses_anew_and_an_impossible_one_says_why(chosen: Zoo, tmp_path: Path) -> None:
    zoo = Zoo(shutil.copytree(chosen.folder, tmp_path / "zoo", symlinks=True))
    assert zoo.pending(f"{BEST}.deploy.zip") == set()
    zoo.configure(lambda config: config.update(best={"objective": "smallest", "max_mb": 0.0001}))
    outcome = zoo.snakemake(f"{BEST}.json")
    assert outcome.status != 0
    assert "error: best cpu/one: no artifact can be shipped: fp32 has " in outcome.text
