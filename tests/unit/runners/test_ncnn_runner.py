"""ncnn gives torch's results, blob by blob, on CPU and Vulkan; its traps are closed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from samples.artifacts import pair
from samples.ncnn import chain, layer, small_network, weight_scales
from samples.runtimes import IMAGE
from zoo.errors import ArtifactError, ZooError
from zoo.jobs.surroundings import cpu_name
from zoo.ncnn.graph import Graph, read_graph
from zoo.quantize.scales import quantize
from zoo.quantize.table import CalibrationTable
from zoo.runners import open_runner
from zoo.runners.ncnn_runner import NcnnRunner


def test_blobs_are_the_results_of_torch_in_the_order_of_the_graph(case):
    graph = read_graph(*case.files["ncnn"])
    names = [layer.outputs[0] for layer in graph.of_type("Convolution", "Pooling", "InnerProduct")]
    runner = NcnnRunner(*case.files["ncnn"], device="cpu", threads=1, precision="fp32")
    blobs = list(runner.blobs((IMAGE,), ["in0", *names]))
    assert [name for name, _ in blobs] == ["in0", *names]
    expected = [IMAGE, *(case.results[index] for index in (1, 3, 4, 6))]
    for (_, values), wanted in zip(blobs, expected, strict=True):
        np.testing.assert_allclose(values.reshape(wanted.shape), wanted, atol=1e-5)
    assert blobs[1][1].shape == (8, 16, 16) and blobs[-1][1].shape == (10,)


@pytest.mark.parametrize("kind", ["ReLU", "BatchNorm"])
def test_a_first_layer_that_works_in_place_leaves_the_image_alone(kind, tmp_path):
    graph = chain(kind, {"ReLU": {}, "BatchNorm": {0: 3}}[kind], lambda size: np.full(size, 2, np.float32))
    runner = open_runner("ncnn", pair(graph, tmp_path))
    image, before = IMAGE.copy(), IMAGE.copy()
    (first,) = runner.run((image,))
    runner.compute((image,))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(runner.run((image,))[0], first)


def test_a_truncated_bin_is_refused_before_ncnn_sees_it(tmp_path):
    files = pair(small_network(), tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:-10])
    with pytest.raises(ZooError, match=r"fp32\.bin: bias of layer fc \(InnerProduct\): .* cut short"):
        open_runner("ncnn", files)


def test_a_blob_that_cannot_be_computed_is_an_error_that_names_it(tmp_path):
    runner = NcnnRunner(*pair(small_network(), tmp_path), device="cpu", threads=1, precision="fp32")
    with pytest.raises(ArtifactError, match=r"fp32\.param: ncnn failed to compute the blob nothing"):
        list(runner.blobs((IMAGE[:, :8, :8],), ["nothing"]))


def test_ncnns_inputs_and_outputs_are_in_the_order_of_their_numbers(tmp_path):
    """pnnx's layers are in the order in which they are used, and there may be ten of them."""
    layers = [layer("Input", f"in{index}", "", f"in{index}", {}) for index in (10, 2, 0)]
    layers += [layer("ReLU", f"relu{index}", f"in{index}", f"out{index}", {}) for index in (10, 0, 2)]
    runner = open_runner("ncnn", pair(Graph(tuple(layers)), tmp_path))
    given = tuple(np.full(size, size, np.float32) for size in (1, 2, 3))
    for output, expected in zip(runner.run(given), given, strict=True):
        np.testing.assert_array_equal(output, expected)


def test_a_part_that_nobody_reads_is_not_the_output(tmp_path):
    parts = layer("Input", "in0", "", "in0", {}), layer("Split", "split", "in0", "unread 2", {})
    graph = Graph((*parts, layer("ReLU", "relu", "2", "out0", {})))
    (output,) = open_runner("ncnn", pair(graph, tmp_path)).run((IMAGE,))
    np.testing.assert_array_equal(output, np.maximum(IMAGE, 0))


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 1e-2)])
def test_vulkan_computes_what_the_cpu_does(precision, tolerance, case):
    runner = open_runner("ncnn", case.files["ncnn"], "gpu", precision=precision)
    assert runner.info.device != cpu_name() and runner.info.software_gpu is not None
    for image in (IMAGE, IMAGE[:, ::-1, :][:, ::-1, :]):
        np.testing.assert_allclose(runner.run((image,))[0], case.results[-1], atol=tolerance)
    graph = read_graph(*case.files["ncnn"])
    names = [each.outputs[0] for each in graph.of_type("Convolution", "InnerProduct")]
    for (_, values), index in zip(runner.blobs((IMAGE,), names), (1, 3, 6), strict=True):
        np.testing.assert_allclose(values, case.results[index], atol=tolerance)


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_vulkan_computes_int8_as_the_cpu_does(tmp_path):
    graph, image = small_network(), IMAGE[:, :8, :8]
    scales = dict.fromkeys(("conv", "fc"), 40.0)
    files = pair(quantize(graph, CalibrationTable(weight_scales(graph, scales), scales)), tmp_path, "int8")
    on_cpu, on_gpu = (
        open_runner("ncnn", files, device, precision="int8").run((image,))[0] for device in ("cpu", "gpu")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=2e-2 * np.abs(on_cpu).max())


BROKEN_DEVICE = """
import zoo.runners.ncnn_runner as module
from zoo.runners.vulkan import VulkanDevice
module.vulkan_device = lambda: VulkanDevice(0, "Broken GPU", False, "1.0.0")
"""


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("", "this machine has no Vulkan device"),
        (BROKEN_DEVICE, "the Vulkan device Broken GPU does not work"),
    ],
    ids=["none", "broken"],
)
def test_a_gpu_artifact_is_never_run_on_the_cpu(device, sentence, tmp_path):
    files = [str(path) for path in pair(small_network(), tmp_path)]
    code = f"{device}\nfrom zoo.runners import open_runner; open_runner('ncnn', {files}, 'gpu')"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "VK_DRIVER_FILES": "/nonexistent.json",
    }
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ran.returncode == 1
    assert f"zoo.errors.ZooError: {sentence}" in ran.stderr
