"""A line of history: from proofs, of the same bytes only, and back from its text."""

import json
from dataclasses import replace

import pytest

from samples import report
from samples.history import ENVIRONMENT, figures
from zoo.history.figures import Figures, Images, Machine, Metric, figures_of


def test_a_line_has_the_figures_of_all_proofs():
    proof = report.verification("net", size=1_000_000)
    line = figures_of(proof, report.evaluation("net"), report.benchmark("net"), ENVIRONMENT)
    assert line.name == "cpu/net/int8" and line.passed and line.layers == ()
    assert line.value("sqnr_db") == proof.numbers.sqnr_db
    assert (line.value("cosine_min"), line.value("cosine_mean")) == (0.99981, 0.99994)
    assert (line.value("agreement"), line.value("evaluated_agreement")) == (0.99, 0.9972)
    assert line.value("top1") == 0.98
    assert line.value("bytes") == sum(file.bytes for file in proof.structure.files)
    timed = report.benchmark("net").at(1)
    assert line.metric("latency_ms") == Metric(timed.median_ms, timed.p10_ms, timed.p90_ms)
    assert line.machine == Machine("builder", report.CPU) and line.versions == report.VERSIONS
    assert line.sha256 == proof.hashes
    assert line.images == {
        "verification": Images(100, "heldout", "5e7"),
        "evaluation": Images(360, "digits_test", "5e7"),
    }


def test_a_line_comes_back_and_its_figures_are_a_bencher_document():
    line = figures()
    values = json.loads(json.dumps(line.to_dict(), allow_nan=False))
    assert Figures.from_dict(values) == line
    for metrics in values["figures"].values():
        for metric in metrics.values():
            assert {"value"} <= set(metric) <= {"value", "lower_value", "upper_value"}
            assert all(isinstance(value, int | float) for value in metric.values())


def test_what_was_measured_of_other_bytes_is_left_out():
    proof = report.verification("net")
    timed, evaluated = report.benchmark("net"), report.evaluation("net")
    for hashes in ({}, {**timed.hashes, "int8.bin": "0" * 64}):
        line = figures_of(
            proof, replace(evaluated, hashes=hashes), replace(timed, hashes=hashes), ENVIRONMENT
        )
        assert line.value("latency_ms") is None and line.value("top1") is None
        assert line.value("sqnr_db") == proof.numbers.sqnr_db
        assert line.machine == Machine(report.HOST, report.CPU)


def test_a_file_that_failed_has_a_line_with_what_there_is():
    line = figures_of(report.unloadable("net"), None, None, ENVIRONMENT)
    assert not line.passed and "int8.bin ends 4096 bytes early" in line.failures[0]
    assert set(line.figures[line.name]) == {"bytes"} and line.images == {}


@pytest.mark.parametrize(("device", "gpu"), [("cpu", None), ("gpu", report.LAVAPIPE)])
def test_the_machine_names_the_gpu_that_ran_it(device: str, gpu: str | None):
    for timed in (None, report.benchmark("net", device)):
        line = figures_of(report.verification("net", device), None, timed, ENVIRONMENT)
        assert line.machine == Machine("builder", report.CPU, gpu)


def test_latencies_are_of_the_same_kind_of_machine_whatever_its_name():
    machine = Machine("a", "CPU")
    assert machine.times_as(Machine("b", "CPU"))
    assert not machine.times_as(Machine("a", "CPU 2")) and not machine.times_as(Machine("a", "CPU", "GPU"))


def test_layers_are_kept_where_they_were_compared():
    line = figures()
    layers = report.verification("net").divergence.layers
    assert [layer.blob for layer in line.layers] == [layer.blob for layer in layers]
    assert line.layers[4].layer == f"{layers[4].layer} ({layers[4].type})"
    assert line.layers[4].sqnr_db == pytest.approx(layers[4].sqnr_db, abs=0.006)
    assert figures("fp32").layers == ()
