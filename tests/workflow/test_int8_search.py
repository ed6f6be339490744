"""The search for an int8 recipe, by real Snakemake: its jobs, its targets, and what a user can pin."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from samples.workflow import Zoo, make_zoo
from zoo.calibration.statistics import CalibrationStatistics
from zoo.config.artifacts import ARTIFACTS, BY_NAME

pytestmark = pytest.mark.long(190)

INT8 = "results/cpu/one/int8.param"
ALL = [
    *(f"results/cpu/one/{kind.files[0]}" for name, kind in ARTIFACTS.items() if name not in BY_NAME),
    "results/cpu/one/int8.passed",
]
W8 = "results/cpu/one/w8.bin"
LOCK = "locks/cpu/one.json"


@pytest.fixture(scope="module")
def searched(built_zoo: Zoo, tmp_path_factory) -> Zoo:
    """The tiny zoo once model `one` was searched for. Tests must not change it."""
    zoo = Zoo(shutil.copytree(built_zoo.folder, tmp_path_factory.mktemp("search") / "zoo", symlinks=True))
    choose(zoo, recipe="auto")
    jobs = zoo.build(INT8)
    assert {"int8 candidates cpu/one", "int8 trials cpu/one", "int8 search cpu/one"} <= jobs
    return zoo


@pytest.fixture(scope="module")
def locked(searched: Zoo, tmp_path_factory) -> Zoo:
    """The same with what was chosen kept in a lock, and all artifacts of `one`. Tests must not change it."""
    zoo = Zoo(shutil.copytree(searched.folder, tmp_path_factory.mktemp("lock") / "zoo", symlinks=True))
    choose(zoo, lock=True)
    assert zoo.build(INT8) == {"int8 search cpu/one", "lock int8 cpu/one", "int8 cpu/one"}
    zoo.build(*ALL, W8)
    return zoo


@pytest.fixture
def copy(searched: Zoo, tmp_path) -> Zoo:
    return Zoo(shutil.copytree(searched.folder, tmp_path / "zoo", symlinks=True))


def choose(zoo: Zoo, **settings) -> None:
    """Change how model `one` becomes int8."""
    zoo.configure(lambda config: config["models"]["one"].setdefault("int8", {}).update(settings))


def measuring(jobs: set[str]) -> set[str]:
    """Those of the jobs that measure candidates, or decide which there are."""
    return {job for job in jobs if job.startswith(("sensitivity", "int8 candidates", "int8 trials"))}


def record(zoo: Zoo, kind: str) -> dict:
    return json.loads((zoo / f"results/cpu/one/int8.{kind}.json").read_text())


def test_the_outcome_is_kept_and_the_candidates_files_are_not(searched: Zoo):
    outcome = record(searched, "search")
    names = [candidate["name"] for candidate in outcome["candidates"]]
    assert {"plain", "local", "rows-small"} <= set(names) and outcome["chosen"] in names
    assert outcome["objective"] == "balanced" and outcome["reason"].startswith(outcome["chosen"])
    assert any(candidate["front"] for candidate in outcome["candidates"])
    assert [each["name"] for each in outcome["references"]] == ["fp32", "fp16"]
    recipe = record(searched, "recipe")
    assert recipe["name"] == outcome["chosen"]
    layers = {layer["name"]: layer["plan"] for layer in record(searched, "sensitivity")["layers"]}
    assert layers == recipe["layers"]
    assert not list((searched / "results/cpu/one/search").glob("*.bin"))
    assert searched.pending(INT8) == set()


def test_a_changed_target_chooses_again_and_measures_nothing(copy: Zoo):
    worst = min(candidate["sqnr_db"] for candidate in record(copy, "search")["candidates"])
    choose(copy, target={"min_sqnr_db": worst + 0.01})
    pending = copy.pending()
    assert "int8 search cpu/one" in pending and not measuring(pending)
    copy.build(INT8)
    assert record(copy, "search")["target"] == {"min_sqnr_db": worst + 0.01}


def test_another_objective_chooses_again_and_a_lock_keeps_what_is_on_rows(copy: Zoo):
    choose(copy, objective="most_faithful", lock=True)
    jobs = copy.build("results/cpu/one/int8.passed")
    assert {"int8 search cpu/one", "lock int8 cpu/one", "int8 cpu/one"} <= jobs
    assert not measuring(jobs)
    outcome = record(copy, "search")
    assert outcome["objective"] == "most_faithful" and "is the most faithful of" in outcome["reason"]
    assert outcome["chosen"].startswith("rows")
    assert "Gemm " in (copy / INT8).read_text()
    table = (copy / "results/cpu/one/int8.table").read_text()
    assert all(f"{name} " in table for name in re.findall(r"^Gemm +(\S+)", (copy / INT8).read_text(), re.M))
    choose(copy, objective="fastest")
    refused = copy.snakemake("results/cpu/one/int8.passed")
    assert refused.status and "int8: objective was most_faithful, is fastest" in refused.text


def test_a_target_out_of_reach_fails_in_a_sentence_with_the_nearest_points(copy: Zoo):
    choose(copy, target={"min_sqnr_db": 190})
    outcome = copy.snakemake(INT8)
    assert outcome.status != 0
    assert "error: int8 cpu/one: no candidate of" in outcome.text
    assert "meets the target (an SQNR of at least 190 dB); the nearest are" in outcome.text
    assert record(copy, "search")["chosen"] is None, "the outcome can be read"


def test_an_interrupted_search_goes_on_where_it_was(copy: Zoo):
    """What was measured before it was killed is in what it measured in the end, to the last digit."""
    trials, so_far = (
        copy / f"results/cpu/one/search/{name}.json" for name in ("trials", "trials.unfinished")
    )
    trials.unlink()
    process = subprocess.Popen(
        [copy.python, "-m", "snakemake", "-j2", str(trials.relative_to(copy.folder))], cwd=copy.folder
    )
    end = time.monotonic() + 120
    while not so_far.exists() or ": latency" not in so_far.read_text():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = json.loads(so_far.read_text())["values"]
    assert copy.build(str(trials.relative_to(copy.folder))) >= {"int8 trials cpu/one"}
    measured = json.loads(trials.read_text())
    names = [each["name"] for each in measured["tried"]]
    found = dict(zip(names, measured["latencies"], strict=True))
    timed = {key.removesuffix(": latency"): value for key, value in kept.items() if key.endswith(": latency")}
    assert timed and {name: found[name] for name in timed} == {
        name: {key: value for key, value in each.items() if key != "version"} for name, each in timed.items()
    }
    assert not so_far.exists()


def test_layers_can_be_excluded(copy: Zoo):
    first = next(iter(record(copy, "recipe")["layers"]))
    choose(copy, recipe="local", exclude=[first, "InnerProduct"])
    copy.build(INT8)
    assert record(copy, "recipe")["layers"][first] == {"precision": "fp16"}
    choose(copy, exclude=["attention"])
    outcome = copy.snakemake(INT8)
    assert outcome.status != 0
    assert "error: int8 candidates cpu/one: int8: exclude: 'attention' is no layer" in outcome.text


def test_a_table_of_another_tool_is_an_accepted_recipe(copy: Zoo):
    shutil.copy(copy / "results/cpu/one/int8.table", copy / "theirs.table")
    choose(copy, recipe="theirs.table")
    copy.build(INT8)
    assert record(copy, "recipe")["name"] == record(copy, "search")["chosen"] == "theirs"
    assert (copy / "results/cpu/one/int8.table").read_text() == (copy / "theirs.table").read_text()


def test_a_table_of_another_model_is_refused_by_name(copy: Zoo):
    shutil.copy(copy / "results/cpu/two/int8.table", copy / "theirs.table")
    choose(copy, recipe="theirs.table")
    outcome = copy.snakemake(INT8)
    assert outcome.status != 0
    assert "error: int8 candidates cpu/one: theirs.table: the calibration table does not fit" in outcome.text


def test_statistics_merged_from_shards_are_those_of_one_pass(copy: Zoo):
    path = copy / "results/cpu/one/calibration.npz"
    whole = CalibrationStatistics.load(path)
    path.unlink()
    choose(copy, shards=3)
    assert copy.build("results/cpu/one/calibration.npz") == {
        "calibrate cpu/one",
        *(f"calibrate cpu/one, shard {each} of 3" for each in (1, 2, 3)),
    }
    assert not list((copy / "results/cpu/one/search").glob("calibration-*"))
    merged = CalibrationStatistics.load(path)
    assert merged.images == whole.images
    for name, seen in whole.inputs.items():
        np.testing.assert_array_equal(merged.inputs[name].absmax, seen.absmax)
        np.testing.assert_allclose(merged.inputs[name].mean, seen.mean, rtol=1e-5, atol=1e-6)
    for name, columns in whole.columns.items():
        np.testing.assert_array_equal(merged.columns[name].sample, columns.sample)


def test_more_shards_than_images_is_an_error(copy: Zoo):
    choose(copy, shards=50)
    outcome = copy.snakemake("results/cpu/one/calibration.npz")
    assert outcome.status != 0 and "are too few for 50 shards" in outcome.text


def test_two_builds_by_a_lock_have_the_same_bytes(locked: Zoo, tmp_path: Path):
    assert locked.pending(*ALL) == set(), "a lock that its own build wrote changes nothing"
    second = make_zoo(tmp_path / "second")
    shutil.copy(locked / "config.yaml", second / "config.yaml")
    shutil.copytree(locked / "locks", second / "locks")
    outcome = second.typed("-j", "1", *ALL)
    assert outcome.status == 0, outcome.text
    assert f"note: int8 cpu/one: by {LOCK}, " in outcome.text
    searching = ("calibrate", "sensitivity", "int8 ", "lock")
    assert {job for job in outcome.jobs if job.startswith(searching)} == {"int8 cpu/one"}
    assert {"verify cpu/one/int8", "gate cpu/one/int8"} <= outcome.jobs, "it is verified all the same"
    assert second.typed("-j", "1", W8).jobs == {"calibrate cpu/one", "w8 cpu/one"}, (
        "of what it measures itself"
    )
    by_name = {*BY_NAME} - {"w8"}
    names = [file for name, kind in ARTIFACTS.items() if name not in by_name for file in kind.files]
    names += [f"int8.{each}" for each in ("table", "recipe.json", "search.json", "sensitivity.json")]
    different = [
        name
        for name in names
        if (second / f"results/cpu/one/{name}").read_bytes()
        != (locked / f"results/cpu/one/{name}").read_bytes()
    ]
    assert different == [] and len(names) > 10


def test_a_lock_that_does_not_fit_is_a_sentence_and_a_deleted_one_is_made_anew(locked: Zoo, tmp_path: Path):
    zoo = Zoo(shutil.copytree(locked.folder, tmp_path / "zoo", symlinks=True))
    before = (zoo / LOCK).read_bytes()
    choose(zoo, target={"min_sqnr_db": 1})
    outcome = zoo.snakemake(INT8)
    assert outcome.status != 0 and outcome.jobs == {"int8 cpu/one"}
    assert (
        f"error: int8 cpu/one: {LOCK} is for another build: int8: target was {{}}, is {{'min_sqnr_db': 1}}. "
        f"Set this back, or delete {LOCK} and build again, which searches and locks anew" in outcome.text
    )
    assert (zoo / LOCK).read_bytes() == before, "no job replaces a lock"
    (zoo / LOCK).unlink()
    jobs = zoo.build(INT8)
    assert jobs == {"int8 search cpu/one", "lock int8 cpu/one", "int8 cpu/one"}, "what was measured is kept"
    assert (zoo / LOCK).read_bytes() != before and zoo.pending(INT8) == set()
    choose(zoo, lock=False)
    assert zoo.build(INT8) == {"int8 search cpu/one", "int8 cpu/one"}
