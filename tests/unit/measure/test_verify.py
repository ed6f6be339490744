"""Verification: what passes, what fails, and that a report is written in any case."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import (
    FEED,
    RECORD,
    TWO,
    artifact,
    changed_in_time,
    pair,
    photos,
    reference,
    two_headed_reference,
)
from samples.ncnn import chain, small_network, two_headed
from zoo.config.records.verification import (
    Cosine,
    Numbers,
    SearchedCloseness,
    Verdict,
    Verification,
    WorstImage,
)
from zoo.errors import ArtifactError, ZooError, of_runtime
from zoo.images.inputs import Feed
from zoo.jobs.isolation import ChildDied
from zoo.measure.reference_set import ReferenceSet, SearchImages
from zoo.measure.verify import excites_nothing, verify
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.fp16 import to_fp16
from zoo.ncnn.masks import masked
from zoo.runners.inference import run
from zoo.runners.reference import outputs

STRICT = {"min_cosine": 0.99999, "min_sqnr_db": 90, "min_top1_agreement": 1.0, "max_abs_error": 1e-3}


@pytest.fixture
def case(tmp_path):
    """Verify an artifact of these files against the small network; the report goes through JSON."""
    graph, samples = small_network(), photos(tmp_path)
    fp32, expected = pair(graph, tmp_path), reference(graph, samples, tmp_path)

    def run(files=fp32, gates=STRICT, **fields):
        against = ReferenceSet("photos", samples, FEED, expected)
        report = verify(artifact(*files, **fields), against, fp32, gates, threads=1)
        report.write(tmp_path / "verify.json")
        assert Verification.read(tmp_path / "verify.json") == report
        return report

    return run


def changed(graph, name, values):
    """The graph with other weights in one layer."""
    before = graph[name].weights
    weight = array(values(before["weight"].values), Storage.FP32)
    return graph.replace(replace(graph[name], weights={**before, "weight": weight}))


@dataclass(frozen=True)
class Ending:
    """Stands for what a child process computes: ends the process by a signal of this name."""

    name: str

    def __call__(self, *_):
        os.close(2)  # no trace of an abort among the tests'
        os.kill(os.getpid(), signal.Signals[self.name])
        signal.pause()


@dataclass(frozen=True)
class Once:
    """Does one thing the first time, and then what the function of this name does, which is not patched in
    the child processes where it is called; mark: a file."""

    first: Callable
    then: str
    mark: Path

    def __call__(self, *arguments):
        if self.mark.exists():
            module, function = self.then.rsplit(".", 1)
            return getattr(import_module(module), function)(*arguments)
        self.mark.touch()
        return self.first()


def test_an_equal_artifact_passes_the_strictest_gates(case):
    report = case()
    assert report.verdict == Verdict(True, (), STRICT)
    assert (report.model, report.device, report.artifact) == ("small", "cpu", "fp32")
    assert report.structure.ok and report.runtime.name == "ncnn"
    assert report.numbers == Numbers(
        images=3,
        cosine=Cosine(pytest.approx(1), pytest.approx(1)),
        sqnr_db=200.0,
        max_abs_error=0.0,
        top1_agreement=1.0,
        image_set="photos",
        worst=WorstImage(0, "0.png", pytest.approx(1), 200.0),
    )
    assert report.divergence is None, "fp32 on the CPU is what others are compared with"


@pytest.mark.parametrize("number", [0, 1])
def test_files_that_change_meanwhile_get_no_verdict(case, tmp_path, monkeypatch, number):
    file = tmp_path / ("fp32.param", "fp32.bin")[number]

    def computed_then_changed(*arguments):
        found = outputs(*arguments)
        changed_in_time(file)
        return found

    monkeypatch.setattr("zoo.measure.verify.outputs", computed_then_changed)
    with pytest.raises(ZooError, match="its files changed while they were verified"):
        case()


def test_fp16_is_compared_with_fp32_layer_by_layer(case, tmp_path):
    gates = {"min_cosine": 0.999}
    report = case(pair(to_fp16(small_network()), tmp_path, "fp16"), gates, name="fp16", precision="fp16")
    assert report.verdict.passed and 40 < report.numbers.sqnr_db < 120
    layers = report.divergence.layers
    assert [layer.layer for layer in layers] == ["conv", "dw", "add", "pool", "fc"]
    assert report.divergence.first is None and report.divergence.threshold == 0.999


def test_a_weight_of_fp16_that_no_gate_sees_fails(case, tmp_path):
    half = to_fp16(small_network())
    weight = half["fc"].weights["weight"]
    values = weight.values.copy()
    values[0] += np.float16(0.01)
    weights = {**half["fc"].weights, "weight": replace(weight, values=values)}
    wrong = half.replace(replace(half["fc"], weights=weights))
    report = case(pair(wrong, tmp_path, "fp16"), {}, name="fp16", precision="fp16")
    (failure,) = report.verdict.failures
    assert "numbers of its weight are not those of fp32, rounded" in failure


@pytest.mark.parametrize(("searched_db", "passed"), [(203.0, True), (203.1, False)])
def test_what_a_search_chose_is_held_to_it(tmp_path, searched_db, passed):
    samples, files = photos(tmp_path), pair(small_network(), tmp_path)
    expected = reference(small_network(), samples, tmp_path)
    search = SearchImages(tuple(samples), FEED, expected, searched_db)
    against = ReferenceSet("photos", samples, FEED, expected)
    gates = {"max_db_below_search": 3}
    report = verify(artifact(*files, name="int8"), against, None, gates, threads=1, search=search)
    assert report.verdict.passed is passed
    assert report.searched == SearchedCloseness(3, 200.0, searched_db)
    report.write(tmp_path / "verify.json")
    assert Verification.read(tmp_path / "verify.json") == report


def test_an_fp16_overflow_is_named_even_where_the_cpu_hides_it(tmp_path):
    graph = changed(small_network(), "conv", lambda values: values * (6e4 / abs(values).max()))
    samples = photos(tmp_path)
    fp32, half = pair(graph, tmp_path), pair(to_fp16(graph), tmp_path, "fp16")
    files = artifact(*half, name="fp16", precision="fp16")
    report = verify(
        files,
        ReferenceSet("photos", samples, FEED, reference(graph, samples, tmp_path)),
        fp32,
        {},
        threads=1,
    )
    (failure,) = report.verdict.failures
    assert failure.startswith("fp16 overflow in layer conv (Convolution): its output reaches ")


def test_a_layer_that_stores_float32_overflows_nothing_and_has_its_mask_from_a_recipe(tmp_path):
    graph = changed(small_network(), "conv", lambda values: values * (6e4 / abs(values).max()))
    samples, fp32 = photos(tmp_path), pair(graph, tmp_path)
    masks = partial(masked, arithmetic=(), storage=("conv", "dw", "add", "pool"))
    half = pair(masks(to_fp16(graph)), tmp_path, "fp16")
    files = artifact(*half, name="fp16", precision="fp16")
    against = ReferenceSet("photos", samples, FEED, reference(graph, samples, tmp_path))
    assert verify(files, against, fp32, {}, threads=1, masks=masks).verdict.failures == ()
    (failure,) = verify(files, against, fp32, {}, threads=1).verdict.failures
    assert failure.startswith("layer conv (Convolution): its params are")


@pytest.mark.parametrize("precision", ["w8", "w4", "int8"])
def test_an_overflow_of_what_is_not_int8_is_named_in_int8_files_too(case, tmp_path, precision):
    graph = changed(small_network(), "conv", lambda values: values * (6e4 / abs(values).max()))
    samples = photos(tmp_path)
    files = artifact(*pair(graph, tmp_path, precision), name=precision, precision=precision)
    against = ReferenceSet("photos", samples, FEED, reference(graph, samples, tmp_path))
    report = verify(files, against, pair(graph, tmp_path), {}, threads=1)
    (failure,) = report.verdict.failures
    assert failure.startswith("fp16 overflow in layer conv (Convolution): its output reaches ")
    assert f"float16, in which {precision} keeps what it does not keep in int8, ends at 65504" in failure


def test_a_wrong_layer_fails_the_gates_and_is_named(case, tmp_path):
    report = case(pair(changed(small_network(), "dw", np.negative), tmp_path, "wrong"), name="wrong")
    assert not report.verdict.passed and len(report.verdict.failures) >= 3
    assert report.divergence.first.layer == "dw"


def test_broken_files_are_reported_and_not_run(case, tmp_path):
    files = pair(small_network(), tmp_path, "cut")
    files[1].write_bytes(files[1].read_bytes()[:-4])
    report = case(files)
    assert report.runtime is report.numbers is report.divergence is None
    assert not report.verdict.passed
    assert report.verdict.failures == report.structure.problems != ()


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL"])
def test_a_crash_is_a_failure(case, monkeypatch, name):
    monkeypatch.setattr("zoo.runners.inference._outputs", Ending(name))
    report = case()
    assert report.numbers is None and report.structure.ok
    (failure,) = report.verdict.failures
    assert failure.startswith(f"cpu/small/fp32: the runtime crashed ({name}) while running it: ")


def test_a_crash_while_layers_are_compared_keeps_the_numbers(case, monkeypatch, tmp_path):
    monkeypatch.setattr("zoo.measure.divergence.layer_differences", Ending("SIGSEGV"))
    report = case(pair(small_network(), tmp_path, "copy"), name="copy")
    assert report.numbers.max_abs_error == 0 and report.divergence is None
    (failure,) = report.verdict.failures
    assert failure.startswith("cpu/small/copy: the runtime crashed (SIGSEGV)")


def without_memory(*_) -> None:
    raise of_runtime(RuntimeError("[ONNXRuntimeError] : 6 : std::bad_alloc"), "onnxruntime cannot run it")


PARTS = ["zoo.runners.inference._outputs", "zoo.measure.divergence.layer_differences"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_two_kills_from_outside_are_no_verdict(case, monkeypatch, tmp_path, part, name):
    monkeypatch.setattr(part, Ending(name))
    with pytest.raises(ChildDied, match=r"cpu/small/copy: the runtime was killed .*run again$") as caught:
        case(pair(small_network(), tmp_path, "copy"), name="copy")
    assert not isinstance(caught.value, ArtifactError) and not (tmp_path / "verify.json").exists()


def test_a_lack_of_memory_is_no_verdict(case, monkeypatch):
    monkeypatch.setattr("zoo.runners.inference._outputs", without_memory)
    with pytest.raises(MemoryError):
        case()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_single_end_of_a_process_changes_nothing(case, monkeypatch, tmp_path, part, name):
    copy = pair(small_network(), tmp_path, "copy")
    expected = case(copy, name="copy")
    once = Once(Ending(name), part, tmp_path / "ended")
    monkeypatch.setattr(part, once)
    assert case(copy, name="copy") == expected and once.mark.exists()


def test_infinite_outputs_fail_even_without_gates(case, tmp_path):
    overflowing = changed(small_network(), "fc", lambda values: np.full_like(values, 3e38))
    report = case(pair(overflowing, tmp_path, "wild"), gates={}, name="wild")
    assert report.numbers.max_abs_error is None
    (failure,) = report.verdict.failures
    assert "of 3 images hold NaN or infinity, first those for" in failure


def test_outputs_of_another_shape_are_a_failure(case, tmp_path):
    report = case(pair(chain("InnerProduct", {0: 4, 2: 4 * 192}), tmp_path, "other"))
    assert report.numbers is None and "have the shape (3, 4)" in report.verdict.failures[0]


def test_the_lack_of_a_vulkan_device_is_no_verdict(case, monkeypatch):
    monkeypatch.setenv("VK_DRIVER_FILES", "/nonexistent.json")
    with pytest.raises(ZooError, match="this machine has no Vulkan device"):
        case(device="gpu")


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_vulkan_is_verified_on_vulkan(case):
    report = case(device="gpu", gates={"min_cosine": 0.9999})
    assert report.verdict.passed and report.runtime.software_gpu is not None
    assert len(report.divergence.layers) == 5 and report.divergence.first is None


def test_a_model_of_two_inputs_and_outputs_is_verified(tmp_path):
    samples = photos(tmp_path)
    files, expected = pair(two_headed(), tmp_path), two_headed_reference(samples, tmp_path)
    against = ReferenceSet("photos", samples, TWO, expected)
    report = verify(artifact(*files), against, files, STRICT, threads=1)
    assert report.verdict.passed and report.numbers.top1_agreement is None
    assert [each.shape for each in report.numbers.outputs] == [(4, 8, 8), (5,)]
    wrong = artifact(*pair(changed(two_headed(), "side", np.negative), tmp_path, "wrong"), name="wrong")
    report = verify(wrong, against, files, STRICT, threads=1)
    assert not report.verdict.passed and report.divergence.first.layer == "side"
    good, bad = report.numbers.outputs
    assert good.sqnr_db == 200 and report.numbers.sqnr_db == bad.sqnr_db < 20
    report.write(tmp_path / "verify.json")


DYNAMIC = Feed.image(RECORD, second_size=(12, 10))


@pytest.fixture
def dynamic(tmp_path):
    """Verify the small network at two sizes; `wrong` is added to what is expected at the second."""
    samples, files = photos(tmp_path), pair(small_network(), tmp_path)
    expected = reference(small_network(), samples, tmp_path)
    second, _ = run(artifact(*files), samples, DYNAMIC.second(), threads=1)

    def report(wrong=0.0, **fields):
        other = (second[0] + np.float32(wrong),)
        truth = replace(expected, **{"second": other} | fields)
        return verify(
            artifact(*files), ReferenceSet("photos", samples, DYNAMIC, truth), files, STRICT, threads=1
        )

    return report


def test_a_dynamic_model_is_verified_at_both_shapes(dynamic, tmp_path):
    report = dynamic()
    assert report.verdict.passed and report.numbers.sqnr_db == 200
    assert report.numbers.second.shapes == ((3, 12, 10),)
    assert report.numbers.second.sqnr_db == 200 and report.numbers.second.images == 3
    report.write(tmp_path / "verify.json")


def test_an_error_at_the_second_shape_alone_fails(dynamic):
    report = dynamic(wrong=0.5)
    assert report.numbers.sqnr_db == 200
    assert report.numbers.second.max_abs_error == pytest.approx(0.5, abs=1e-5)
    failures = report.verdict.failures
    assert failures and all(failure.startswith("with the second shape, ") for failure in failures)
    assert any("largest absolute error is 0.5, above the gate 0.001" in failure for failure in failures)


def test_what_is_not_finite_at_the_second_shape_fails(dynamic):
    (failure, *_) = dynamic(second=(np.full((3, 4), 0, np.float32),)).verdict.failures
    assert "its outputs have the shape (3, 5), the original model's (3, 4)" in failure


def test_reference_outputs_that_lack_the_second_shape_are_no_verdict(dynamic):
    with pytest.raises(ZooError, match="the reference outputs lack those of the second shape; build them"):
        dynamic(second=None)


@pytest.mark.parametrize(
    ("last", "reach", "judges"),
    [("Sigmoid", 1e-5, False), ("Sigmoid", 0.02, True), ("ReLU", 1e-5, True), ("ReLU", 0.0, False)],
)
def test_images_that_excite_nothing_judge_nothing(tmp_path, last, reach, judges):
    """A text detector on pictures without text: its answers are noise, and so would be another model's."""
    param = tmp_path / "fp32.param"
    param.write_text(f"7767517\n2 2\nInput in0 0 1 in0\n{last} end 1 1 in0 out0\n")
    answers = np.full((3, 1, 4, 4), reach, np.float32)
    said = excites_nothing(artifact(param, tmp_path / "fp32.bin"), (answers,), "photos")
    assert bool(said) != judges
    if said:
        assert "for the images of photos are at most" in said[0] and "give others" in said[0]
        assert ("and can be 1" in said[0]) == (last == "Sigmoid")
    more = np.ones((3, 2), np.float32)  # an output of several that answers is enough
    param.write_text(f"7767517\n3 3\nInput in0 0 1 in0\n{last} end 1 1 in0 out0\nReLU other 1 1 in0 out1\n")
    assert not excites_nothing(artifact(param, tmp_path / "fp32.bin"), (answers, more), "photos")
