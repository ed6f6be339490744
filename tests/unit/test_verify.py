"""Verification: what passes, what fails, and that a report is written in any case."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from artifact_samples import RECORD, artifact, pair, photos, reference
from ncnn_samples import chain, small_network

from zoo.errors import ZooError
from zoo.fp16 import to_fp16
from zoo.ncnn_bin import Storage, array
from zoo.records import read_json, write_json
from zoo.verify import compare, gate_failures, not_finite, verify

STRICT = {"min_cosine": 0.99999, "min_sqnr_db": 90, "min_top1_agreement": 1.0, "max_abs_error": 1e-3}


@pytest.fixture
def case(tmp_path):
    """Verify an artifact of these files against the small network; the report goes through JSON."""
    graph, samples = small_network(), photos(tmp_path)
    fp32, expected = pair(graph, tmp_path), reference(graph, samples, tmp_path)

    def run(files=fp32, gates=STRICT, **fields):
        report = verify(artifact(*files, **fields), samples, RECORD, expected, fp32, gates, threads=1)
        write_json(report, tmp_path / "verify.json")
        return read_json(tmp_path / "verify.json")

    return run


def changed(graph, name, values):
    """The graph with other weights in one layer."""
    before = graph[name].weights
    weight = array(values(before["weight"].values), Storage.FP32)
    return graph.replace(replace(graph[name], weights={**before, "weight": weight}))


def end_child(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_equal_artifact_passes_the_strictest_gates(case):
    report = case()
    assert report["verdict"] == {"passed": True, "failures": [], "gates": STRICT}
    assert (report["model"], report["device"], report["artifact"]) == ("small", "cpu", "fp32")
    assert report["structure"]["ok"] and report["runtime"]["name"] == "ncnn"
    assert report["numbers"] == {
        "images": 3,
        "cosine": {"min": pytest.approx(1), "mean": pytest.approx(1)},
        "sqnr_db": 200.0,
        "max_abs_error": 0.0,
        "top1_agreement": 1.0,
    }
    assert report["divergence"] is None, "fp32 on the CPU is what others are compared with"


def test_fp16_is_compared_with_fp32_layer_by_layer(case, tmp_path):
    gates = {"min_cosine": 0.999}
    report = case(pair(to_fp16(small_network()), tmp_path, "fp16"), gates, name="fp16", precision="fp16")
    assert report["verdict"]["passed"] and 40 < report["numbers"]["sqnr_db"] < 120
    layers = report["divergence"]["layers"]
    assert [layer["layer"] for layer in layers] == ["conv", "dw", "add", "pool", "fc"]
    assert report["divergence"]["first"] is None and report["divergence"]["threshold"] == 0.999


def test_an_fp16_overflow_is_named_even_where_the_cpu_hides_it(tmp_path):
    graph = changed(small_network(), "conv", lambda values: values * (6e4 / abs(values).max()))
    samples = photos(tmp_path)
    fp32, half = pair(graph, tmp_path), pair(to_fp16(graph), tmp_path, "fp16")
    files = artifact(*half, name="fp16", precision="fp16")
    report = verify(files, samples, RECORD, reference(graph, samples, tmp_path), fp32, {}, threads=1)
    (failure,) = report["verdict"]["failures"]
    assert failure.startswith("fp16 overflow in layer conv (Convolution): its output reaches ")


def test_a_wrong_layer_fails_the_gates_and_is_named(case, tmp_path):
    report = case(pair(changed(small_network(), "dw", np.negative), tmp_path, "wrong"), name="wrong")
    assert not report["verdict"]["passed"] and len(report["verdict"]["failures"]) >= 3
    assert report["divergence"]["first"]["layer"] == "dw"


def test_broken_files_are_reported_and_not_run(case, tmp_path):
    files = pair(small_network(), tmp_path, "cut")
    files[1].write_bytes(files[1].read_bytes()[:-4])
    report = case(files)
    assert report["runtime"] is report["numbers"] is report["divergence"] is None
    assert not report["verdict"]["passed"]
    assert report["verdict"]["failures"] == report["structure"]["problems"] != []


def test_a_crash_is_a_failure(case, monkeypatch):
    monkeypatch.setattr("zoo.inference._outputs", end_child)
    report = case()
    assert report["numbers"] is None and report["structure"]["ok"]
    (failure,) = report["verdict"]["failures"]
    assert failure.startswith("cpu/small/fp32: the runtime crashed or was killed")


def test_a_crash_while_layers_are_compared_keeps_the_numbers(case, monkeypatch, tmp_path):
    monkeypatch.setattr("zoo.divergence.layer_differences", end_child)
    report = case(pair(small_network(), tmp_path, "copy"), name="copy")
    assert report["numbers"]["max_abs_error"] == 0 and report["divergence"] is None
    (failure,) = report["verdict"]["failures"]
    assert failure.startswith("cpu/small/copy: the runtime crashed or was killed")


def test_infinite_outputs_fail_even_without_gates(case, tmp_path):
    overflowing = changed(small_network(), "fc", lambda values: np.full_like(values, 3e38))
    report = case(pair(overflowing, tmp_path, "wild"), gates={}, name="wild")
    assert report["numbers"]["max_abs_error"] is None
    (failure,) = report["verdict"]["failures"]
    assert "of 3 images hold NaN or infinity, first those for" in failure


def test_outputs_of_another_shape_are_a_failure(case, tmp_path):
    report = case(pair(chain("InnerProduct", {0: 4, 2: 4 * 192}), tmp_path, "other"))
    assert report["numbers"] is None and "have the shape (3, 4)" in report["verdict"]["failures"][0]


def test_the_lack_of_a_vulkan_device_is_no_verdict(case, monkeypatch):
    monkeypatch.setenv("VK_DRIVER_FILES", "/nonexistent.json")
    with pytest.raises(ZooError, match="this machine has no Vulkan device"):
        case(device="gpu")


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_vulkan_is_verified_on_vulkan(case):
    report = case(device="gpu", gates={"min_cosine": 0.9999})
    assert report["verdict"]["passed"] and report["runtime"]["software_gpu"] is not None
    assert len(report["divergence"]["layers"]) == 5 and report["divergence"]["first"] is None


def test_the_numbers_of_known_differences():
    expected, got = np.float32([[3, 4], [1, 0], [0, 2]]), np.float32([[3, 4], [0, 1], [0, 1]])
    numbers = compare(expected, got)
    assert numbers["images"] == 3 and numbers["max_abs_error"] == 1.0
    assert numbers["cosine"] == {"min": 0.0, "mean": pytest.approx(2 / 3)}
    assert numbers["sqnr_db"] == pytest.approx(10 * np.log10(30 / 3))
    assert numbers["top1_agreement"] == pytest.approx(2 / 3)


NUMBERS = {"cosine": {"min": 0.98}, "sqnr_db": 30.0, "top1_agreement": 0.97, "max_abs_error": 0.25}


@pytest.mark.parametrize(
    ("gate", "met", "missed", "sentence"),
    [
        ("min_cosine", 0.98, 0.99, "cosine similarity of the worst image is 0.98, below the gate 0.99"),
        ("min_sqnr_db", 30.0, 40, "SQNR in dB is 30, below the gate 40"),
        ("min_top1_agreement", 0.97, 0.975, "top-1 agreement is 0.97, below the gate 0.975"),
        ("max_abs_error", 0.25, 0.2, "largest absolute error is 0.25, above the gate 0.2"),
    ],
)
def test_a_gate_is_met_at_its_limit_and_missed_in_a_sentence(gate, met, missed, sentence):
    assert gate_failures(NUMBERS, {gate: met}) == []
    assert gate_failures(NUMBERS, {gate: missed}) == [sentence]


@pytest.mark.parametrize("value", [None, np.nan])
def test_what_is_not_a_number_meets_no_gate(value):
    numbers = {"cosine": {"min": value}, **dict.fromkeys(NUMBERS.keys() - {"cosine"}, value)}
    assert len(gate_failures(numbers, STRICT)) == len(STRICT)


def test_an_unknown_gate_is_answered_with_the_known_ones():
    with pytest.raises(ZooError, match="unknown gate min_psnr; known are min_cosine, min_sqnr_db, min_top1"):
        gate_failures(NUMBERS, {"min_psnr": 1})


def test_images_with_outputs_that_are_no_numbers_are_counted():
    logits = np.float32([[1, 2], [np.nan, 0], [0, -np.inf]])
    assert not_finite(logits[:1], ["a"]) == []
    assert not_finite(logits, ["a", "b", "c"]) == [
        "the outputs for 2 of 3 images hold NaN or infinity, first those for b"
    ]
