"""What is said of a long job before it starts."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from samples.artifacts import FEED, artifact, pair, photos, reference
from samples.ncnn import small_network
from zoo.config.targets import Target
from zoo.errors import ZooError
from zoo.measure.accuracy import evaluate
from zoo.measure.reference_set import ReferenceSet
from zoo.measure.verify import verify
from zoo.runners.on_target.foreseen import announce, multiply_adds_per_s

A76 = Target("a76", "cortex-a76", 8, agent="/nowhere/agent")
PI = Target("pi5", ssh="pi@pi5")
AN_HOUR = int(3600 * multiply_adds_per_s("fp32"))


@pytest.fixture(autouse=True)
def warnings(caplog):
    with caplog.at_level(logging.WARNING):
        yield


def on(target: Target | None, *files: Path):
    device = target.name if target else "cpu"
    return replace(artifact(*files, device=device), target=target)


def test_an_emulated_run_of_hours_is_announced(caplog):
    announce(on(A76), AN_HOUR, runs=4, processes=2)
    said = "a76/small/fp32 will take up to 120 minutes on a76, going by 1.6e+02 billion multiply-adds a run; "
    assert said + "fewer images (targets: {a76: {samples: …}}) or a smaller model take less" in caplog.text


@pytest.mark.parametrize(
    ("target", "multiply_adds", "processes"),
    [(A76, AN_HOUR // 25, 4), (A76, None, 1), (PI, AN_HOUR, 1), (None, AN_HOUR, 1)],
    ids=["minutes", "not counted", "a board", "this machine"],
)
def test_nothing_is_said_of(caplog, target, multiply_adds, processes):
    announce(on(target), multiply_adds, runs=8, processes=processes)
    assert not caplog.text


@pytest.fixture
def long_set(tmp_path) -> ReferenceSet:
    """Three images of a model that computes for an hour on each."""
    samples = photos(tmp_path, 3)
    answers = reference(small_network(), samples, tmp_path)
    return ReferenceSet("photos", tuple(samples), FEED, answers, multiply_adds=AN_HOUR)


def test_a_verification_says_it_before_anything_runs(caplog, tmp_path, long_set):
    with pytest.raises(ZooError, match="agent"):
        verify(on(A76, *pair(small_network(), tmp_path)), long_set, None, {}, threads=1)
    assert "will take up to 180 minutes" in caplog.text


def test_an_evaluation_says_it_before_anything_runs(caplog, tmp_path, long_set):
    with pytest.raises(ZooError, match="agent"):
        evaluate(on(A76, *pair(small_network(), tmp_path)), long_set, threads=3, memory_mb=10_000)
    assert "will take up to 60 minutes" in caplog.text
