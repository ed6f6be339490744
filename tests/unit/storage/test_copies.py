import hashlib
import os
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.storage.bucket import Stored
from zoo.storage.build import times
from zoo.storage.copies import Copies, link


def stored(name: str, content: str, changed: float = 1000.0, tag: str | None = None) -> Stored:
    return Stored(name, len(content), changed, tag or f'"{hashlib.md5(content.encode()).hexdigest()}"')


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "copies/results").mkdir(parents=True)
    return tmp_path / "copies"


def copy(place: Path, name: str, content: str) -> Path:
    (place / name).write_text(content)
    return place / name


def test_only_copies_of_what_is_stored_stay(place: Path, tmp_path: Path):
    copies = Copies(place, tmp_path / "record.json")
    same, other = copy(place, "results/same", "one"), copy(place, "results/other", "old")
    dropped = copies.drop_old(
        [stored("results/same", "one"), stored("results/other", "new"), stored("far", "x")]
    )
    assert dropped == ["results/other"] and same.exists() and not other.exists()


def test_what_was_sent_in_parts_is_known_by_its_tag(place: Path, tmp_path: Path):
    copies = Copies(place, tmp_path / "record.json")
    file = copy(place, "results/large", "many parts")
    in_parts = stored("results/large", "many parts", tag='"0123-2"')
    copies.keep([in_parts])
    assert copies.drop_old([in_parts]) == []
    assert copies.drop_old([stored("results/large", "many other", tag='"4567-2"')]) == ["results/large"]
    # what was changed here is no copy
    copies.keep([in_parts])
    copy(place, "results/large", "mine parts")
    os.utime(file, ns=(1, 1))
    assert copies.drop_old([in_parts]) == ["results/large"]


def test_a_copy_is_not_older_than_what_it_is_of(place: Path, tmp_path: Path):
    file = copy(place, "results/a", "one")
    os.utime(file, (10, 10))
    Copies(place, tmp_path / "record.json").drop_old([stored("results/a", "one", changed=1000.0)])
    assert file.stat().st_mtime == 1000


def test_results_lead_to_the_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("results/.inputs").mkdir(parents=True)  # what a plan leaves
    link("results", Path("copies/one"))
    Path("copies/one/results/a").touch()
    assert Path("results/a").exists()
    link("results", Path("copies/two"))
    assert not Path("results/a").exists()
    Path("results").unlink()
    Path("results").mkdir()
    Path("results/own").touch()
    with pytest.raises(
        ZooError, match="results/ has files that were built without storage; move the folder away"
    ):
        link("results", Path("copies/one"))
    assert Path("results/own").exists()


def test_a_folder_is_as_new_as_the_newest_file_in_it():
    found = times(
        [stored("a/b/c", "12", 5.0), stored("a/b/d", "3", 9.0), stored("a/e", "4", 1.0)], Path("x/y")
    )
    assert found == {
        **{"x/y/a/b/c": (5.0, 2), "x/y/a/b/d": (9.0, 1), "x/y/a/e": (1.0, 1)},
        **{"x/y/a/b": (9.0, 3), "x/y/a": (9.0, 4)},
    }
