"""Folders for temporary files lie beside what they are for, are gone afterwards, and are measured."""

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zoo.jobs import scratch as scratches
from zoo.jobs.files import replacing
from zoo.jobs.host import Host
from zoo.jobs.scratch import libraries_scratch, measure, most_bytes, reserve, scratch, sweep


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


# Those of the dead

LIVING = """
import sys, time
from zoo.jobs.scratch import scratch

with scratch(sys.argv[1]) as outer, scratch(outer / "nested"):
    (outer / "large").write_bytes(bytes(1000))
    print(outer, flush=True)
    time.sleep(300)
"""


@contextmanager
def somebody(beside: Path) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Another process that has a scratch folder, with another in it."""
    command = [sys.executable, "-c", LIVING, str(beside)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_only_the_folders_of_the_dead_are_swept(tmp_path):
    (tmp_path / "cpu/m").mkdir(parents=True)
    (tmp_path / "cpu/m/fp32.bin").touch()
    with scratch(tmp_path / "cpu/a") as own, somebody(tmp_path / "cpu/m/b") as (process, folder):
        assert folder.is_dir() and sweep(tmp_path) == []
        process.kill()
        process.wait()
        assert sweep(tmp_path) == [folder] and not folder.exists()
        assert own.is_dir() and sweep(tmp_path) == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["fp32.bin"]
    assert sweep(tmp_path / "absent") == []


def test_a_folder_that_is_being_made_is_not_swept(tmp_path):
    with somebody(tmp_path / "b") as (process, folder):
        process.kill()
        process.wait()
        handle = os.open(tmp_path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_SH)
        assert sweep(tmp_path) == [] and folder.exists()
        os.close(handle)
        assert sweep(tmp_path) == [folder]


@pytest.mark.parametrize(
    ("machine", "boot", "swept"),
    [("own", "other", True), ("other", "other", False), ("unknown", "unknown", False), ("", "", False)],
)
def test_folders_of_other_machines_stay_and_those_from_before_a_restart_go(machine, boot, swept, tmp_path):
    named = machine.replace("own", Host.own().machine)
    folder = tmp_path / f".partial-{named}-{boot}-abcdefgh"
    folder.mkdir()
    assert bool(sweep(tmp_path)) == swept
    assert folder.exists() != swept
