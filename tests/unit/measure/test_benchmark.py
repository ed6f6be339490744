"""The contract of a benchmark's record. Nothing here judges how long something takes."""

import numpy as np
import pytest

from samples.artifacts import artifact, pair
from samples.ncnn import small_network, two_headed
from zoo.images.inputs import random_inputs
from zoo.jobs.records import write_json
from zoo.measure.benchmark import benchmark
from zoo.measure.timing import FEWEST, RUNS, Latency, time_beside
from zoo.ncnn.fp16 import to_fp16
from zoo.runners.hardware import cpu_count, cpu_name


def test_latency_is_the_median_with_the_tenth_and_ninetieth_percentile():
    seconds = np.random.default_rng(0).permutation(np.arange(101)) / 1000
    assert Latency.of(seconds) == Latency(pytest.approx(50), pytest.approx(10), pytest.approx(90))


def test_a_benchmark_takes_at_least_fifty_runs():
    assert RUNS >= 50


def check_latency(entry, runs):
    assert entry["runs"] == runs and entry["ratio"] > 0
    assert entry["reference"]["artifact"] == "fp32"
    for figures in (entry, entry["reference"]):
        assert 0 < figures["p10_ms"] <= figures["median_ms"] <= figures["p90_ms"]


def test_the_record_of_an_artifact(tmp_path):
    graph = small_network()
    fp32 = artifact(*pair(graph, tmp_path))
    files = pair(to_fp16(graph), tmp_path, "fp16")
    record = benchmark(artifact(*files, name="fp16", precision="fp16"), fp32, [(3, 8, 8)])
    write_json(record, tmp_path / "bench.json")
    assert (record["model"], record["device"], record["artifact"]) == ("small", "cpu", "fp16")
    assert record["runtime"]["name"] == "ncnn"
    assert record["hardware"] == {
        "cpu": cpu_name(),
        "cores": cpu_count(),
        "gpu": None,
        "software_gpu": None,
    }
    assert record["files"] == {file.name: file.stat().st_size for file in files}
    assert record["bytes"] == sum(record["files"].values())
    assert record["peak_memory_bytes"] > record["bytes"]
    assert record["throughput"]["streams"] == cpu_count() and record["throughput"]["fps"] > 0
    assert [entry["threads"] for entry in record["latency"]] == sorted({1, cpu_count()})
    for entry in record["latency"]:
        check_latency(entry, RUNS)


def test_a_measurement_that_takes_too_long_ends_early(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path))
    entry, info = time_beside(fp32, fp32, [(3, 8, 8)], threads=1, longest_s=0)
    assert info.device == cpu_name()
    check_latency(entry, FEWEST)


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_the_record_of_a_gpu_artifact_names_the_device(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path), device="gpu")
    record = benchmark(fp32, fp32, [(3, 8, 8)], runs=3, streams=1)
    assert record["throughput"]["streams"] == 1
    assert record["hardware"]["gpu"] == record["runtime"]["device"] != cpu_name()
    assert record["hardware"]["software_gpu"] in (True, False)
    check_latency(record["latency"][0], 3)


def test_a_model_of_two_inputs_is_timed(tmp_path):
    fp32 = artifact(*pair(two_headed(), tmp_path))
    entry, _ = time_beside(fp32, fp32, [(3, 8, 8), (6,)], threads=1, runs=FEWEST)
    check_latency(entry, FEWEST)


def test_what_is_timed_is_run_on_the_same_noise_each_time():
    shapes = [(3, 40, 40), (100,)]
    found, again = random_inputs(shapes), random_inputs(shapes)
    assert [each.shape for each in found] == shapes and all(each.dtype == np.float32 for each in found)
    assert all((one == other).all() for one, other in zip(found, again, strict=True))
    assert found[0].std() == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(found[0].ravel()[:100], found[1])[0, 1]) < 0.3
