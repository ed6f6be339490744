from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo.errors import ZooError
from zoo.storage.bucket import Bucket, Stored
from zoo.storage.build import Build, times, unlock

if TYPE_CHECKING:
    from samples.storage import Storage


@pytest.fixture
def bucket(place: "Storage", request: pytest.FixtureRequest) -> Bucket:
    return Bucket(place.client, f"s3://zoos/{request.node.name}")


def build_in(folder: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Build:
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Build(bucket, "results", folder / "copies")


def test_one_builds_there_at_a_time_and_the_next_goes_on(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = build_in(tmp_path / "first", bucket, monkeypatch)
    assert first.begin() == []
    second = build_in(tmp_path / "second", bucket, monkeypatch)
    with pytest.raises(ZooError, match="builds there; wait for its end"):
        second.begin()
    monkeypatch.chdir(tmp_path / "first")
    first.end()
    first.end()  # again, as at exit
    monkeypatch.chdir(tmp_path / "second")
    second.begin()
    second.end()


def test_a_lock_is_taken_away_when_that_is_asked_for(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = build_in(tmp_path / "first", bucket, monkeypatch)
    first.begin()
    unlock(bucket)
    second = build_in(tmp_path / "second", bucket, monkeypatch)
    second.begin()
    second.end()
    monkeypatch.chdir(tmp_path / "first")
    with suppress(ZooError):
        first.end()


def test_files_that_nobody_left_notes_on_are_not_taken_for_results(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bucket.write("results/cpu/mine/fp32.param", b"whose?")
    with pytest.raises(ZooError, match="nobody left notes on; name an empty place"):
        build_in(tmp_path / "here", bucket, monkeypatch).begin()
    kept = bucket.read("results/cpu/mine/fp32.param")
    assert kept is not None and kept[0] == b"whose?"


def test_a_folder_is_as_new_as_its_newest_file_and_as_large_as_all(tmp_path: Path):
    stored = [Stored("results/cpu/a.bin", 5, 10.0, "x"), Stored("results/cpu/b.bin", 7, 20.0, "y")]
    found = times(stored, tmp_path)
    assert found[str(tmp_path / "results/cpu/a.bin")] == (10.0, 5)
    assert found[str(tmp_path / "results/cpu")] == found[str(tmp_path / "results")] == (20.0, 12)
