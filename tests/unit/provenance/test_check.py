"""A folder against its manifest."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.jobs.made import sha256
from zoo.provenance.check import differences
from zoo.provenance.manifest import DescribedFile, Manifest


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "cpu").mkdir()
    files = {}
    for name in ("cpu/a", "cpu/b"):
        (tmp_path / name).write_text(name)
        files[name] = DescribedFile(5, sha256(tmp_path / name), None)
    Manifest(None, "e", "cpu/a", {}, {}, (), files, ("logs/*", "manifest.json")).write(
        tmp_path / "manifest.json"
    )
    return tmp_path / "manifest.json"


def sentences(manifest: Path) -> list[str]:
    folder = f"{manifest.parent}/"
    return [sentence.replace(folder, "") for sentence in differences(manifest)]


def test_a_folder_as_it_was_described_has_no_difference(manifest: Path):
    (manifest.parent / "logs").mkdir()
    (manifest.parent / "logs/a.log").write_text("left out")
    assert sentences(manifest) == []


def test_what_differs_is_missing_or_is_strange_is_named(manifest: Path):
    (manifest.parent / "cpu/a").write_text("cpu/A")
    (manifest.parent / "cpu/b").unlink()
    (manifest.parent / "cpu/c").write_text("")
    (manifest.parent / "cpu/link").symlink_to("/")
    other, missing, strange, link = sentences(manifest)
    assert other.startswith("cpu/a is another: its SHA-256 is ")
    assert missing == "cpu/b is missing"
    assert strange == "cpu/c is there and not in the manifest" and link.startswith("cpu/link is there")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(manifest: Path):
    (manifest.parent / "cpu/a").unlink()
    os.mkfifo(manifest.parent / "cpu/a")
    (sentence,) = sentences(manifest)
    assert sentence.startswith("cpu/a cannot be read: ") and "is a pipe, no regular file" in sentence


def test_a_name_that_no_file_can_have_is_one_that_cannot_be_read(manifest: Path):
    described = Manifest.read(manifest)
    files = {"x" * 5000: described.files["cpu/a"], "cpu/a/b": described.files["cpu/a"]}
    replace(described, files={**described.files, **files}).write(manifest)
    long, under_a_file = sentences(manifest)
    assert "x cannot be read: " in long and "File name too long" in long
    assert under_a_file == "cpu/a/b is missing"


def test_no_manifest_and_a_broken_one_are_sentences(manifest: Path, tmp_path: Path):
    with pytest.raises(ZooError, match="there is no manifest; make one"):
        list(differences(tmp_path / "none.json"))
    manifest.write_text("{}")
    with pytest.raises(ZooError, match="no manifest as this version of ncnn-zoo writes it"):
        list(differences(manifest))
