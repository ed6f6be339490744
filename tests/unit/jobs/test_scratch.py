"""Folders for temporary files lie beside what they are for, are gone afterwards, and are measured."""

import tempfile
from pathlib import Path

import pytest

from zoo.jobs import scratch as scratches
from zoo.jobs.files import replacing
from zoo.jobs.scratch import libraries_scratch, measure, most_bytes, reserve, scratch


@pytest.fixture(autouse=True)
def nothing_seen_before(monkeypatch):
    monkeypatch.setattr(scratches, "_most", 0)


def test_a_scratch_folder_lies_beside_its_target_and_is_gone_afterwards(tmp_path):
    with scratch(tmp_path / "new/model.onnx") as folder:
        (folder / "raw.onnx").write_bytes(bytes(1000))
        assert folder.parent == tmp_path / "new"
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(KeyError), scratch(tmp_path / "new/model.onnx") as folder:
        raise KeyError
    assert list((tmp_path / "new").iterdir()) == []


def test_the_peak_is_of_all_folders_at_once_and_nested_ones_count_once(tmp_path):
    with scratch(tmp_path / "a") as outer:
        (outer / "raw").write_bytes(bytes(1000))
        with replacing(outer / "b") as (temporary,):
            temporary.write_bytes(bytes(500))
        (outer / "raw").unlink()
    assert most_bytes() == 1500
    with scratch(tmp_path / "c") as folder:
        (folder / "less").write_bytes(bytes(1499))
    assert most_bytes() == 1500


def test_what_libraries_write_for_a_while_lies_there_and_counts(tmp_path):
    before = tempfile.gettempdir()
    with libraries_scratch(tmp_path / "a"), tempfile.TemporaryDirectory() as folder:
        assert Path(folder).is_relative_to(tmp_path)
        (Path(folder) / "prepared.onnx").write_bytes(bytes(1000))
        measure()
    assert most_bytes() == 1000 and not list(tmp_path.iterdir())
    assert tempfile.gettempdir() == before


def test_room_that_a_disk_does_not_have_is_an_error(tmp_path):
    reserve(tmp_path, 0)
    reserve(tmp_path, 1 << 20)
    with pytest.raises(OSError, match=r"No space left|too large"):
        reserve(tmp_path, 1 << 55)
    assert list(tmp_path.iterdir()) == []
