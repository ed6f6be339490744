"""The record of a benchmark: what is written comes back, and what is none is refused by field."""

import pytest

from samples.report import benchmark
from zoo.config.records.benchmark import Benchmark, TimedLatency
from zoo.errors import ZooError

KEYS = {"version", "model", "device", "artifact", "runtime", "hardware", "bytes", "files"}
KEYS |= {"peak_memory_bytes", "latency", "throughput", "hashes", "conditions", "options"}


def test_the_keys_of_the_file_are_those_that_readers_know():
    values = benchmark("net").to_dict()
    assert set(values) == KEYS
    assert set(values["hardware"]) == {"cpu", "cores", "gpu", "software_gpu", "host"}
    times = {"median_ms", "p10_ms", "p90_ms"}
    assert set(values["latency"][0]) == {"threads", "runs", "reference", "ratio", "ratio_error"} | times
    assert set(values["latency"][0]["reference"]) == {"artifact", "device"} | times
    assert set(values["throughput"]) == {"streams", "seconds", "fps", "reference", "ratio"}


def test_a_latency_is_found_by_its_threads():
    record = benchmark("net")
    assert record.at(1) == record.latency[0] and record.at(2) == record.latency[1]
    assert record.at(3) is None


def test_a_latency_is_a_record_of_its_own_too(tmp_path):
    (latency, _) = benchmark("net").latency
    latency.write(tmp_path / "latency.json")
    assert TimedLatency.read(tmp_path / "latency.json") == latency


def test_the_record_comes_back_from_its_file(tmp_path):
    record = benchmark("net")
    record.write(tmp_path / "int8.json")
    assert Benchmark.read(tmp_path / "int8.json") == record


def test_a_record_from_before_says_of_no_files_and_no_host():
    values = benchmark("net").to_dict()
    hardware = {key: value for key, value in values["hardware"].items() if key != "host"}
    before = {key: value for key, value in values.items() if key != "hashes"} | {"hardware": hardware}
    record = Benchmark.from_dict(before)
    assert record.hashes == {} and record.hardware.host is None


def test_a_broken_record_is_refused_by_file_and_field():
    values = benchmark("net").to_dict()
    broken = values | {"throughput": values["throughput"] | {"fps": None}}
    with pytest.raises(ZooError, match=r"^a/int8\.json: a broken benchmark .*\$\.throughput\.fps"):
        Benchmark.from_dict(broken, "a/int8.json")
    with pytest.raises(ZooError, match=r"^a/int8\.json: no benchmark as this version .*version None, not 1"):
        Benchmark.from_dict({key: value for key, value in values.items() if key != "version"}, "a/int8.json")
