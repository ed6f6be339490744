"""Latencies in turn. Nothing here judges how long something takes."""

import signal
from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import artifact, pair
from samples.ncnn import small_network, two_headed
from zoo.config.records.benchmark import Latency
from zoo.config.targets import Target
from zoo.jobs.surroundings import cpu_name
from zoo.measure.timing import FEWEST, RUNS, latency, ncnn_fp32, percentiles, time_beside
from zoo.ncnn.options import Options


def check_latency(entry, runs):
    assert entry.runs == runs and entry.ratio > 0
    assert entry.reference.artifact == "fp32"
    for figures in (entry, entry.reference):
        assert 0 < figures.p10_ms <= figures.median_ms <= figures.p90_ms


def test_latency_is_the_median_with_the_tenth_and_ninetieth_percentile():
    seconds = np.random.default_rng(0).permutation(np.arange(101)) / 1000
    assert percentiles(seconds) == Latency(
        median_ms=pytest.approx(50), p10_ms=pytest.approx(10), p90_ms=pytest.approx(90)
    )


def test_a_benchmark_takes_at_least_fifty_runs():
    assert RUNS >= 50


def test_a_measurement_that_takes_too_long_ends_early(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path))
    entry, info = time_beside(fp32, fp32, [(3, 8, 8)], threads=1, longest_s=0)
    assert info.device == cpu_name()
    check_latency(entry, FEWEST)


def test_a_limit_on_the_time_of_processors_makes_no_run_take_none(tmp_path, monkeypatch):
    """Under an interval timer the kernel counts a process's time in ticks: 0 or 4 ms a run."""
    monkeypatch.setattr("zoo.measure.timing.isolated", lambda _, function, *arguments: function(*arguments))
    fp32 = artifact(*pair(small_network(), tmp_path))
    signal.setitimer(signal.ITIMER_PROF, 1000)
    try:
        entry, _ = time_beside(fp32, fp32, [(3, 8, 8)], threads=1)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    check_latency(entry, RUNS)


def test_a_model_of_two_inputs_is_timed(tmp_path):
    fp32 = artifact(*pair(two_headed(), tmp_path))
    entry, _ = time_beside(fp32, fp32, [(3, 8, 8), (6,)], threads=1, runs=FEWEST)
    check_latency(entry, FEWEST)


def test_what_an_artifact_is_timed_beside_is_fp32_of_the_same_model_on_its_device(tmp_path):
    onnx = artifact(tmp_path / "fp16.onnx", name="fp16.onnx", runtime="onnxruntime", device="gpu")
    fp32 = ncnn_fp32(onnx, ["a/fp32.param", "a/fp32.bin"])
    assert str(fp32) == "gpu/small/fp32" and (fp32.runtime, fp32.precision) == ("ncnn", "fp32")
    assert [file.name for file in fp32.files] == ["fp32.param", "fp32.bin"]
    int8 = replace(artifact(tmp_path / "int8.param", name="int8"), options=Options(threads=2))
    assert ncnn_fp32(int8, fp32.files).options == Options(), (
        "as ncnn has them, whatever the artifact is run with"
    )


def test_one_thread_here_is_timed_for_so_long_and_a_target_is_asked(tmp_path, monkeypatch):
    fp32 = artifact(*pair(small_network(), tmp_path))
    entry = latency(fp32, fp32, [(3, 8, 8)], longest_s=0)
    check_latency(entry, FEWEST)
    assert entry.threads == 1
    there = replace(fp32, device="pi5", target=Target("pi5", None, 1))
    asked = []
    monkeypatch.setattr(
        "zoo.measure.board.benchmark.latency_on_target", lambda *given: asked.append(given) or entry
    )
    assert latency(there, fp32, [(3, 8, 8)]) is entry and asked == [(there, fp32, [(3, 8, 8)])]
