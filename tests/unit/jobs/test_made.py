"""What a build made is told from what was changed since, and from what is in the making."""

import os
from pathlib import Path

import pytest

from samples.artifacts import changed_in_time
from zoo.jobs.files import replacing
from zoo.jobs.made import FOLDER, Made, changed, made_sha256, note_of, sha256, state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in which what is made is kept, with a pair of files."""
    (tmp_path / "results" / FOLDER).mkdir(parents=True)
    make(tmp_path / "results", b"first")
    return tmp_path / "results"


def make(root: Path, content: bytes) -> None:
    with replacing(root / "cpu/a.param", root / "cpu/a.bin") as pair:
        for path in pair:
            path.write_bytes(content)


def others(root: Path) -> list[str]:
    return changed(root, lambda path: True)


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return sha256(path)

    monkeypatch.setattr("zoo.jobs.made.sha256", counted)
    return read


def test_what_was_made_is_known_without_reading_it(root: Path, monkeypatch: pytest.MonkeyPatch):
    read = count_hashes(monkeypatch)
    assert others(root) == []
    assert made_sha256(root / "cpu/a.bin") == sha256(root / "cpu/a.bin")
    assert read == []


def test_a_byte_changed_with_the_time_kept_is_told(root: Path):
    changed_in_time(root / "cpu/a.bin")
    assert others(root) == ["cpu/a.bin"]
    assert made_sha256(root / "cpu/a.bin") == sha256(root / "cpu/a.bin")
    make(root, b"second")
    assert others(root) == [], "made anew"


@pytest.mark.parametrize("seconds", [-(10**6), 10**6])
def test_a_file_put_in_its_place_is_told_whatever_its_date(root: Path, seconds: int):
    before = (root / "cpu/a.bin").stat().st_mtime
    (root / "cpu/b").write_bytes(b"other")
    os.utime(root / "cpu/b", (before + seconds, before + seconds))
    (root / "cpu/b").rename(root / "cpu/a.bin")
    assert others(root) == ["cpu/a.bin"]


def test_a_copy_and_a_touched_file_are_read_once(root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "cpu/a.param").touch()
    content = (root / "cpu/a.bin").read_bytes()
    (root / "cpu/a.bin").unlink()
    (root / "cpu/a.bin").write_bytes(content)
    read = count_hashes(monkeypatch)
    assert others(root) == [] and len(read) == 2
    assert others(root) == [] and len(read) == 2


def test_files_that_are_gone_or_of_no_concern_or_without_a_note_are_no_matter(root: Path):
    (root / "cpu/a.bin").unlink()
    (root / "cpu/foreign.bin").write_bytes(b"foreign")
    changed_in_time(root / "cpu/a.param")
    assert changed(root, lambda path: path.endswith(".bin")) == []


@pytest.mark.parametrize("damage", [b"", b"[1]", b"{}", b"[1, 2, 3]"])
def test_a_damaged_note_accuses_nobody(root: Path, damage: bytes):
    (root / FOLDER / "cpu/a.bin").write_bytes(damage)
    assert others(root) == []


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_job_killed_between_two_moves_left_what_was_made(
    root: Path, monkeypatch: pytest.MonkeyPatch, moves: int
):
    left, replace = [None] * moves, Path.replace

    def move(path: Path, target: Path) -> Path:
        if FOLDER not in path.parts:
            left.pop()  # IndexError stands for the kill
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", move)
        patched.setattr("zoo.jobs.made.state", lambda path: left.pop())
        with pytest.raises(IndexError):
            make(root, b"second")
    assert others(root) == []
    changed_in_time(root / "cpu/a.bin")
    assert others(root) == ["cpu/a.bin"]


def test_a_file_that_a_job_puts_in_place_meanwhile_is_made(root: Path, monkeypatch: pytest.MonkeyPatch):
    (root / "cpu/a.param").unlink()
    read = Made.read

    def stale(note: Path) -> Made | None:
        found = read(note)
        monkeypatch.setattr(Made, "read", read)
        make(root, b"second")
        return found

    monkeypatch.setattr(Made, "read", stale)
    assert others(root) == []


def test_nothing_is_kept_of_what_is_in_the_making_or_elsewhere(root: Path, tmp_path: Path):
    with replacing(root / "cpu/outer") as (outer,):
        outer.write_bytes(b"1")
        with replacing(outer.with_name("inner")) as (inner,):
            inner.write_bytes(b"2")
    assert sorted(path.name for path in (root / FOLDER / "cpu").iterdir()) == ["a.bin", "a.param", "outer"]
    assert note_of(tmp_path / "elsewhere.bin") is None
    with replacing(tmp_path / "elsewhere.bin") as (path,):
        path.write_bytes(b"3")
    assert made_sha256(tmp_path / "elsewhere.bin") == sha256(tmp_path / "elsewhere.bin")


def test_a_state_is_size_times_and_inode(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"four")
    os.utime(tmp_path / "a", ns=(5, 7))
    found = (tmp_path / "a").stat()
    assert state(tmp_path / "a") == [4, 7, found.st_ctime_ns, found.st_ino]
