from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.sweep.listed import LARGEST, entry_of, for_commit, listed, present, shard, shown, stamps


def test_shards_share_out_all_rows_and_are_equally_long():
    parts = [shard(f"{number}/12") for number in range(1, 13)]
    assert sorted(row for part in parts for row in part) == sorted(shard(None))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/12", "13/12", "3", "a/b", "-1/3", "1/0", ""])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ZooError, match="the third of twelve"):
        shard(text)


def test_a_commit_picks_different_families_and_commits_all():
    turns = [for_commit(f"{start:040x}", 3) for start in range(100)]
    assert all(len(set(turn)) == 3 for turn in turns)
    assert {family for turn in turns for family in turn} == {
        family for family in listed() if family.library == "timm" and family.parameters <= LARGEST
    }


def test_an_unknown_family_is_refused():
    assert entry_of("torchvision", "alexnet") == "alexnet"
    with pytest.raises(ZooError, match="timm has no family alexnet"):
        entry_of("timm", "alexnet")


def test_a_row_that_is_there_is_shown_and_those_of_a_shard_if_it_is_swept(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (first, *_) = shard(None)
    Path(first).parent.mkdir(parents=True)
    Path(first).touch()
    assert present() == shown([]) == [first]
    assert shown(shard("2/12")) == [first, *shard("2/12")]


def test_a_row_that_is_another_has_another_stamp(tmp_path: Path):
    row = tmp_path / shard(None)[0]
    row.parent.mkdir(parents=True)
    assert stamps(tmp_path) == []
    row.write_text("a")
    (first,) = stamps(tmp_path)
    row.write_text("ab")
    assert stamps(tmp_path) != [first]
