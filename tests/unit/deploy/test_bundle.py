"""The deploy bundle: what it holds, and what is no bundle."""

import json
import zipfile
from pathlib import Path

import pytest

from samples.artifacts import changed_in_time, pair, proof
from samples.cards import RECORD, card
from samples.ncnn import small_network
from zoo.deploy.bundle import write_bundle
from zoo.deploy.programs import programs
from zoo.errors import ZooError
from zoo.images.inputs import FILE, Feed, Input
from zoo.images.preprocess import Preprocess
from zoo.jobs.files import sha256

GRAY = Preprocess((8, 8), mean=(0.5,), std=(0.25,), channels="GRAY")
FLAT = "Input in0 0 1 in0\nFlatten flat 1 1 in0 out0\n"
LABELS = ("ant", "bee", "crème", "dog, hound", "eel")


def test_a_bundle_holds_all_that_another_machine_needs_and_is_reproducible(tmp_path: Path) -> None:
    files = pair(small_network(), tmp_path, "int8")
    for name in ("one.zip", "two.zip"):
        write_bundle(card(labels=LABELS), proof(*files, name="int8"), *files, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        held = {Path(name).name: archive.read(name) for name in archive.namelist()}
        assert {Path(name).parent.name for name in archive.namelist()} == {"small-cpu-int8"}
    texts = programs(RECORD, "int8")
    own = {"int8.param", "int8.bin", "labels.txt", "preprocess.json", "README.md"}
    assert set(held) == own | set(texts) | {
        "ncnn.cmake",
        *(f"toolchain-{each}.cmake" for each in ("aarch64", "armhf", "riscv64")),
    }
    assert held["int8.bin"] == files[1].read_bytes()
    assert held["labels.txt"].decode().splitlines() == list(LABELS)
    said = json.loads(held["preprocess.json"])
    assert Preprocess.from_dict(said["preprocess"]) == RECORD and said["norm_vals"] == [1 / (255 * 0.25)] * 3
    assert said["output"] == {"blob": "out0", "classes": 5, "values": "logits"}
    assert said["files"] == {file.name: sha256(file) for file in files}
    assert said["verification"]["passed"] is True and said["verification"]["sqnr_db"] == 40.0
    assert said["weights"]["licence"] == "MIT" and said["weights"]["random"] is False
    readme = held["README.md"].decode()
    assert "MIT" in readme and "owner/small" in readme and "random" not in readme
    assert "40.0 dB SQNR against the original model, the same first class for 100.0 %" in readme
    assert all(f"{sha256(file)}  {file.name}" in readme for file in files)
    assert "scp arm64/classify int8.param int8.bin labels.txt pi@" in readme


def test_random_weights_and_unknown_labels_are_no_secret(tmp_path: Path) -> None:
    files = pair(small_network(), tmp_path)
    write_bundle(card(random=True), proof(*files, device="gpu"), *files, tmp_path / "it.zip")
    with zipfile.ZipFile(tmp_path / "it.zip") as archive:
        assert "small-gpu-fp32/labels.txt" not in archive.namelist()
        readme = archive.read("small-gpu-fp32/README.md").decode()
    assert "The weights are random" in readme and "NCNN_VULKAN=ON" in readme
    assert "NCNN_SOURCE" not in readme, "no static program opens a driver"


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_that_is_not_the_one_verified_is_not_packed(tmp_path: Path, number: int) -> None:
    files = pair(small_network(), tmp_path, "int8")
    verified = proof(*files, name="int8")
    changed_in_time(files[number])
    with pytest.raises(ZooError, match=rf"{files[number].name} is not the file that was verified"):
        write_bundle(card(), verified, *files, tmp_path / "it.zip")
    assert not (tmp_path / "it.zip").exists()


def test_what_failed_its_verification_is_not_packed(tmp_path: Path) -> None:
    files = pair(small_network(), tmp_path)
    with pytest.raises(ZooError, match="it failed verification: too far off"):
        write_bundle(card(), proof(*files, failures=("too far off",)), *files, tmp_path / "it.zip")


@pytest.mark.parametrize(
    ("change", "param", "word"),
    [
        ({"task": "other"}, FLAT, "is no classifier"),
        ({"inputs": Feed.image(RECORD).inputs * 2}, FLAT, "takes several inputs"),
        ({"inputs": (Input("x", (3, 8, 8), FILE),)}, FLAT, "takes no image"),
        ({"record": GRAY}, FLAT, "takes images of the channels GRAY"),
        ({}, "Input in0 0 1 in0\nInput in1 0 1 in1\nConcat c 2 1 in0 in1 out0\n", "has the inputs in0, in1"),
        ({}, "Input in0 0 1 in0\nSplit s 1 2 in0 out0 out1\n", "has the outputs out0, out1"),
    ],
)
def test_what_the_programs_cannot_feed_or_show_is_refused(
    tmp_path: Path, change: dict, param: str, word: str
) -> None:
    layers = param.count("\n")
    (tmp_path / "x.param").write_text(f"7767517\n{layers} {len(set(param.split()))}\n{param}")
    (tmp_path / "x.bin").touch()
    with pytest.raises(ZooError, match=f"small {word}"):
        write_bundle(
            card(**change), proof(name="x"), tmp_path / "x.param", tmp_path / "x.bin", tmp_path / "x.zip"
        )
    assert not (tmp_path / "x.zip").exists()
