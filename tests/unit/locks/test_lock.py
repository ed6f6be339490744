"""A lock gives the int8 files back, and says what is wrong with it, or with what it is used for."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import int8_locked
from samples.locks import MADE, SETTINGS, locked, origin
from zoo.errors import ZooError
from zoo.locks.lock import Lock
from zoo.ncnn.graph import write_graph
from zoo.ncnn.pair import Pair
from zoo.quantize.apply import apply, table_of
from zoo.quantize.recipe import read_recipes
from zoo.quantize.table import format_table
from zoo.search.outcome import SearchOutcome
from zoo.search.subject import Subject


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lock")
    locked(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "lock"))


def build(folder: Path, **others) -> dict[str, bytes]:
    """The int8 files by the lock in a folder, by name."""
    names = ("param", "weights", "table", "recipe", "search")
    outputs = {name: str(folder / file) for name, file in zip(names, MADE, strict=True)}
    arguments = {
        "model": "net",
        "device": "cpu",
        "fp32": Pair.load(folder / "fp32.param", folder / "fp32.bin"),
        "origin": origin(folder),
        "lock_file": str(folder / "net.json"),
        "difference_file": str(folder / "net.delta"),
        "outputs": outputs | {"sensitivity": str(folder / "int8.sensitivity.json")},
    }
    int8_locked.main(**arguments | others)
    return {file: (folder / file).read_bytes() for file in MADE}


def refusal(folder: Path, **others) -> str:
    with pytest.raises(ZooError) as raised:
        build(folder, **others)
    assert not (folder / "int8.bin").exists()
    return str(raised.value)


def test_a_lock_gives_what_the_recipe_gave(folder):
    graph, recipe = origin(folder), read_recipes(folder / "candidates.json")["local"]
    assert graph.settings == SETTINGS
    files = folder / "fp32.param", folder / "fp32.bin"
    subject = Subject.load("net", "cpu", *files, statistics=folder / "calibration.npz")
    expected = apply(subject.fp32.graph, subject.statistics, recipe)
    write_graph(expected, folder / "expected.param", folder / "expected.bin")
    (folder / "calibration.npz").unlink()  # nothing is searched or calibrated again
    made = build(folder)
    assert made["int8.param"] == (folder / "expected.param").read_bytes()
    assert made["int8.bin"] == (folder / "expected.bin").read_bytes()
    table = table_of(subject.fp32.graph, subject.statistics, recipe)
    assert made["int8.table"].decode() == format_table(table)
    assert made["int8.search.json"] == (folder / "outcome.json").read_bytes()
    assert SearchOutcome.read(folder / "int8.search.json").taken is not None


def test_a_lock_comes_back_from_its_file(folder):
    lock = Lock.read(folder / "net.json")
    lock.write(folder / "again.json")
    assert (folder / "again.json").read_bytes() == (folder / "net.json").read_bytes()


def test_what_is_made_from_something_else_is_named_with_what_to_do(folder):
    path = folder / "net.json"
    told = refusal(folder, origin=origin(folder, SETTINGS | {"exclude": ["head"]}))
    assert told == (
        f"{path} is for another build: int8: exclude was [], is ['head']. Set this back, or delete {path} "
        "and build again, which searches and locks anew"
    )
    (folder / "photos/0.png").write_bytes((folder / "photos/1.png").read_bytes())
    assert "is for another build: the calibration images are others. Set" in refusal(folder)


def test_a_difference_that_is_missing_or_anothers_is_named(folder):
    difference = folder / "net.delta"
    difference.write_bytes(difference.read_bytes()[:-4])
    assert f"{difference} is not the file that belongs to {folder / 'net.json'}" in refusal(folder)
    difference.unlink()
    assert f"{difference} is missing" in refusal(folder)


def test_a_lock_of_another_model_or_version_is_refused(folder):
    assert "is the lock of cpu/net; give back its own name, or delete" in refusal(folder, model="other")
    lock = Lock.read(folder / "net.json")
    replace(lock, recipe={"format": 9}).write(folder / "net.json")
    assert "not an int8 recipe" in refusal(folder)
    replace(lock, search={**lock.search, "chosen": None}).write(folder / "net.json")
    assert "chose nothing" in refusal(folder)
    (folder / "net.json").write_text('{"version": 0}')
    assert "no lock of int8 as this version" in refusal(folder)


def test_files_that_come_out_otherwise_than_said_are_not_kept(folder):
    lock = Lock.read(folder / "net.json")
    replace(lock, activations={**lock.activations, "head": 1.0}).write(folder / "net.json")
    assert "by it int8.table came out with other bytes than it says" in refusal(folder)
    replace(lock, files={**lock.files, "int8.bin": "00"}).write(folder / "net.json")
    assert "by it int8.bin came out" in refusal(folder)
