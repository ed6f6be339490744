"""All runtimes compute what torch does, behind one interface."""

import numpy as np
import pytest

from samples.runtimes import IMAGE, PAIR
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.surroundings import cpu_name
from zoo.runners import RUNTIMES, open_runner


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_runtime_computes_what_torch_does(runtime, threads, case):
    runner = open_runner(runtime, case.files[runtime], threads=threads)
    (output,) = runner.run((IMAGE,))
    assert output.shape == (10,) and output.dtype == np.float32
    np.testing.assert_allclose(output, case.results[-1], atol=1e-5)
    assert runner.info.name == runtime and runner.info.version
    assert runner.info.device == cpu_name() and runner.info.software_gpu is None


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_any_array_will_do_and_none_is_changed(runtime, case):
    runner = open_runner(runtime, case.files[runtime])
    strided = np.ascontiguousarray(IMAGE.transpose(1, 2, 0)).transpose(2, 0, 1)
    mirrored = np.ascontiguousarray(IMAGE[:, :, ::-1])[:, :, ::-1]
    for image in (strided, mirrored, IMAGE.astype(np.float64)):
        before = image.copy()
        np.testing.assert_allclose(runner.run((image,))[0], case.results[-1], atol=1e-5)
        runner.compute((image,))
        np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_a_file_that_does_not_load_is_named(runtime, tmp_path):
    (tmp_path / "broken").write_bytes(b"no model")
    with pytest.raises(ArtifactError, match=f"broken: {runtime} cannot load it: ."):
        open_runner(runtime, [tmp_path / "broken"])


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_a_run_that_fails_is_an_error_that_names_the_file(runtime, case):
    runner = open_runner(runtime, case.files[runtime])
    for call in (runner.run, runner.compute):
        with pytest.raises(ArtifactError, match=f"{case.files[runtime][0].name}: {runtime} cannot run it: ."):
            call((IMAGE[:2],))


def test_an_unknown_runtime_is_answered_with_the_known_ones():
    with pytest.raises(ZooError, match="unknown runtime 'tflite'; known: torch, onnxruntime, ncnn"):
        open_runner("tflite", ["a.tflite"])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_several_inputs_and_outputs_go_in_and_come_out_in_the_order_of_the_model(runtime, both):
    runner = open_runner(runtime, both.files[runtime])
    outputs = runner.run(PAIR)
    assert [each.shape for each in outputs] == [(4, 16, 16), (2,)]
    for output, expected in zip(outputs, both.results, strict=True):
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, expected, atol=1e-5)
    runner.compute(PAIR)
    for output, again in zip(outputs, runner.run(PAIR), strict=True):
        np.testing.assert_array_equal(output, again)


@pytest.mark.parametrize("given", [PAIR[:1], (*PAIR, PAIR[1])], ids=["one", "three"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_another_number_of_inputs_is_refused_with_their_names(runtime, given, both):
    names = {"ncnn": "in0, in1", "onnxruntime": "image, vector", "torch": r"\w+, \w+"}[runtime]
    file, count = both.files[runtime][0].name, len(given)
    runner = open_runner(runtime, both.files[runtime])
    for call in (runner.run, runner.compute):
        with pytest.raises(
            ArtifactError, match=rf"{file}: it takes 2 inputs \({names}\) and was given {count}; declare them"
        ):
            call(given)
