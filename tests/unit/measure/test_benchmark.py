"""The contract of a benchmark's record. Nothing here judges how long something takes."""

import socket
from dataclasses import replace

import pytest

from samples import report as samples
from samples.artifacts import artifact, pair
from samples.ncnn import small_network
from zoo.config.records.benchmark import Benchmark, Hardware
from zoo.config.records.proof import RuntimeInfo
from zoo.config.records.steadiness import doubts
from zoo.jobs.made import sha256
from zoo.jobs.surroundings import cpu_name
from zoo.measure.benchmark import BenchSettings, benchmark
from zoo.measure.throughput import GPU_STREAMS, TURNS
from zoo.measure.timing import RUNS
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.options import Options
from zoo.runners.hardware import cpu_count

OPTIONS = Options({"use_winograd_convolution": False})


def check_latency(entry, runs):
    assert entry.runs == runs and entry.ratio > 0
    assert entry.reference.artifact == "fp32"
    for figures in (entry, entry.reference):
        assert 0 < figures.p10_ms <= figures.median_ms <= figures.p90_ms


def test_the_record_of_an_artifact(tmp_path):
    graph = small_network()
    fp32 = artifact(*pair(graph, tmp_path))
    files = pair(to_fp16(graph), tmp_path, "fp16")
    fp16 = replace(artifact(*files, name="fp16", precision="fp16"), options=OPTIONS)
    record = benchmark(fp16, fp32, [(3, 8, 8)], BenchSettings())
    record.write(tmp_path / "bench.json")
    assert Benchmark.read(tmp_path / "bench.json") == record
    assert (record.model, record.device, record.artifact) == ("small", "cpu", "fp16")
    assert record.runtime.name == "ncnn" and record.options == OPTIONS
    assert record.hardware == Hardware(cpu_name(), cpu_count(), None, None, socket.gethostname())
    assert record.files == {file.name: file.stat().st_size for file in files}
    assert record.hashes == {file.name: sha256(file) for file in files}
    assert record.bytes == sum(record.files.values())
    assert record.peak_memory_bytes > record.bytes
    assert record.throughput.streams == cpu_count() and record.throughput.fps > 0
    assert [entry.threads for entry in record.latency] == sorted({1, cpu_count()})
    for entry in record.latency:
        check_latency(entry, RUNS)


def test_a_latency_that_contradicts_itself_is_taken_again(tmp_path, monkeypatch):
    fp32 = artifact(*pair(small_network(), tmp_path))
    steady = samples.benchmark("small", artifact="fp32", ratio=1.0).latency[0]
    info, asked = RuntimeInfo("ncnn", "1", "x", None), []

    def taken(own, other, shapes, threads, *_):
        asked.append(threads)
        outlier = len(asked) == 1
        return replace(steady, threads=threads, ratio=0.25 if outlier else 1.0), info

    monkeypatch.setattr("zoo.measure.benchmark.time_beside", taken)
    monkeypatch.setattr("zoo.measure.benchmark.throughput", lambda *_: None)
    record = benchmark(fp32, fp32, [(3, 8, 8)], BenchSettings())
    assert asked[:2] == [1, 1] and asked[2:] == [entry.threads for entry in record.latency[1:]]
    assert not doubts(record)


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_the_record_of_a_gpu_artifact_names_the_device(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path), device="gpu")
    record = benchmark(fp32, fp32, [(3, 8, 8)], BenchSettings(runs=3, streams=1))
    assert record.throughput.streams == 1
    assert record.hardware.gpu == record.runtime.device != cpu_name()
    assert record.hardware.software_gpu in (True, False)
    check_latency(record.latency[0], 3)


def test_streams_are_one_a_cpu_and_on_a_gpu_few():
    on_cpu, on_gpu, software = (RuntimeInfo("ncnn", "1", "x", gpu) for gpu in (None, False, True))
    settings = BenchSettings(memory_mb=5.0)
    assert settings.of_streams(on_cpu).streams == cpu_count()
    assert settings.of_streams(on_gpu).streams == min(cpu_count(), GPU_STREAMS)
    assert [settings.of_streams(info).turns for info in (on_cpu, on_gpu, software)] == [TURNS, TURNS, 1]
    assert settings.of_streams(on_cpu).memory_mb == 5.0
    assert BenchSettings(streams=7).of_streams(on_gpu).streams == 7
