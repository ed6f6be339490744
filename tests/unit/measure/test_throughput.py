"""Frames per second with several streams in flight. Nothing here judges how many there should be."""

import os
import signal
from types import SimpleNamespace

import pytest

from samples.artifacts import artifact, pair
from samples.ncnn import small_network
from zoo.errors import ArtifactError
from zoo.measure import throughput as module
from zoo.measure.throughput import Stream, StreamSettings, throughput
from zoo.ncnn.fp16 import to_fp16
from zoo.runners.hardware import peak_memory

SHAPES = [(3, 8, 8)]
BRIEF = {"turns": 2, "turn_s": 0.02}


@pytest.fixture
def small(tmp_path):
    """An fp16 artifact and the fp32 it is compared with."""
    graph = small_network()
    fp16 = artifact(*pair(to_fp16(graph), tmp_path, "fp16"), name="fp16", precision="fp16")
    return fp16, artifact(*pair(graph, tmp_path))


def test_a_record_has_both_rates_and_their_ratio(small):
    found = throughput(*small, SHAPES, StreamSettings(2, 1e6, **BRIEF))
    assert (found.streams, found.seconds) == (2, 0.04)
    assert found.reference.artifact == "fp32"
    assert found.fps > 0 and found.reference.fps > 0 and found.ratio > 0


def test_no_more_streams_are_taken_than_fit_in_memory(small):
    needed = peak_memory()  # of a process with pytest in it: more than a stream has
    assert throughput(*small, SHAPES, StreamSettings(3, 1, **BRIEF)).streams == 1
    assert throughput(*small, SHAPES, StreamSettings(2, 2 * needed / 2**20, **BRIEF)).streams == 2


class Clock:
    """Time that passes only while something runs or sleeps."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(
    ("run_s", "late_s", "expected"),
    [
        (0.2, 0.0, 3 / 0.6),  # the third run ends after the turn, and counts with all its time
        (0.25, 0.0, 2 / 0.5),
        (0.2, 0.1, 2 / 0.5),  # a stream that started late has lost that time
        (3.0, 0.0, 2 / 6.0),  # at least two runs, however long
    ],
)
def test_a_rate_counts_whole_runs_and_all_of_their_time(monkeypatch, run_s, late_s, expected):
    clock = Clock()
    runner = SimpleNamespace(compute=lambda image: clock.sleep(run_s))
    monkeypatch.setattr(module, "time", clock)
    start = clock.now - late_s if late_s else clock.now + 0.02
    assert module._turn(Stream(runner, runner, None), "own", start, 0.5) == pytest.approx(expected)


def die(*_):
    os.kill(os.getpid(), signal.SIGSEGV)


def test_a_stream_that_crashes_is_an_error_that_names_the_artifact(small, monkeypatch):
    monkeypatch.setattr(module, "_open", die)
    with pytest.raises(
        ArtifactError, match=r"^cpu/small/fp16, with 2 streams in flight: the runtime crashed \(SIGSEGV\)"
    ):
        throughput(*small, SHAPES, StreamSettings(2, 1e6))


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_streams_share_a_gpu(small):
    fp32 = artifact(*small[1].files, device="gpu")
    found = throughput(fp32, fp32, SHAPES, StreamSettings(2, 1e6, **BRIEF))
    assert found.streams == 2 and found.fps > 0
