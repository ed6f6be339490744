"""A job that failed with a verdict is known by the next attempt; one that failed by chance is not."""

import pytest

from zoo.errors import ArtifactError, PassingError, ZooError
from zoo.jobs.isolation import ChildCrashed, ChildDied
from zoo.jobs.run import verdicts


@pytest.fixture(autouse=True)
def no_submission(monkeypatch):
    monkeypatch.delenv("NCNN_ZOO_VERDICT", raising=False)
    monkeypatch.setenv("NCNN_ZOO_VERDICT", "")


@pytest.mark.parametrize("error", [ZooError("it fails"), ArtifactError("it fails"), ChildCrashed("it fails")])
def test_a_verdict_is_left_for_the_next_attempt_and_not_for_the_next_build(error, tmp_path):
    assert not verdicts.begin(tmp_path / "v", "gate:model=one", 1)
    verdicts.leave(error, "gate one: it fails")
    assert not verdicts.begin(tmp_path / "v", "gate:model=two", 2)
    assert verdicts.begin(tmp_path / "v", "gate:model=one", 2) == "gate one: it fails"
    assert not verdicts.begin(tmp_path / "v", "gate:model=one", 1)


@pytest.mark.parametrize("error", [PassingError("no route"), ChildDied("killed")])
def test_what_may_be_otherwise_the_next_time_is_tried_again(error, tmp_path):
    verdicts.begin(tmp_path, "weights:model=one", 1)
    verdicts.leave(error, "weights one: it fails")
    assert not verdicts.begin(tmp_path, "weights:model=one", 2)


def test_a_job_of_this_machine_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verdicts.leave(ZooError("it fails"), "it fails")
    assert not list(tmp_path.iterdir())
