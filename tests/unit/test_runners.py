"""All runtimes compute what torch does, behind one interface; ncnn's traps are closed."""

import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from artifact_samples import pair
from ncnn_samples import chain, layer, small_network
from onnx import TensorProto, helper, save
from torch import nn

from zoo.errors import ArtifactError, ZooError
from zoo.export import export_onnx, export_torchscript
from zoo.hardware import cpu_name
from zoo.int8 import quantize, weight_scales
from zoo.ncnn_graph import Graph, read_graph
from zoo.pnnx import convert
from zoo.runners import RUNTIMES, open_runner
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.table import CalibrationTable

IMAGE = np.random.default_rng(1).standard_normal((3, 16, 16)).astype(np.float32)


@dataclass
class Case:
    """A model, its artifact for each runtime, and torch's result after each of its modules for IMAGE."""

    files: dict[str, tuple[Path, ...]]
    results: list[np.ndarray]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    ).eval()
    example, folder = torch.from_numpy(IMAGE[None]), tmp_path_factory.mktemp("artifacts")
    names = ("torchscript.pt",), ("fp32.onnx",), ("fp32.param", "fp32.bin")
    files = {
        runtime: tuple(folder / name for name in group)
        for runtime, group in zip(RUNTIMES, names, strict=True)
    }
    export_torchscript(model, example, *files["torch"])
    export_onnx(model, example, *files["onnxruntime"])
    convert(*files["torch"], example.shape, *files["ncnn"])
    results = []
    with torch.no_grad():
        for module in model:
            example = module(example)
            results.append(example[0].numpy())
    return Case(files, results)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_runtime_computes_what_torch_does(runtime, threads, case):
    runner = open_runner(runtime, case.files[runtime], threads=threads)
    output = runner.run(IMAGE)
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
        np.testing.assert_allclose(runner.run(image), case.results[-1], atol=1e-5)
        runner.step(image)
        np.testing.assert_array_equal(image, before)


def test_blobs_are_the_results_of_torch_in_the_order_of_the_graph(case):
    graph = read_graph(*case.files["ncnn"])
    names = [layer.outputs[0] for layer in graph.of_type("Convolution", "Pooling", "InnerProduct")]
    runner = NcnnRunner(*case.files["ncnn"], device="cpu", threads=1, half=False)
    blobs = list(runner.blobs(IMAGE, ["in0", *names]))
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
    first = runner.run(image)
    runner.step(image)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(runner.run(image), first)


def test_a_truncated_bin_is_refused_before_ncnn_sees_it(tmp_path):
    files = pair(small_network(), tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:-10])
    with pytest.raises(ZooError, match=r"fp32\.bin: bias of layer fc \(InnerProduct\): .* cut short"):
        open_runner("ncnn", files)


def test_a_blob_that_cannot_be_computed_is_an_error_that_names_it(tmp_path):
    runner = NcnnRunner(*pair(small_network(), tmp_path), device="cpu", threads=1, half=False)
    with pytest.raises(ArtifactError, match=r"fp32\.param: ncnn failed to compute the blob nothing"):
        list(runner.blobs(IMAGE[:, :8, :8], ["nothing"]))


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_a_file_that_does_not_load_is_named(runtime, tmp_path):
    (tmp_path / "broken").write_bytes(b"no model")
    with pytest.raises(ArtifactError, match=f"broken: {runtime} cannot load it: ."):
        open_runner(runtime, [tmp_path / "broken"])


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_a_run_that_fails_is_an_error_that_names_the_file(runtime, case):
    runner = open_runner(runtime, case.files[runtime])
    for call in (runner.run, runner.step):
        with pytest.raises(ArtifactError, match=f"{case.files[runtime][0].name}: {runtime} cannot run it: ."):
            call(IMAGE[:2])


def test_an_unknown_runtime_is_answered_with_the_known_ones():
    with pytest.raises(ZooError, match="unknown runtime 'tflite'; known: torch, onnxruntime, ncnn"):
        open_runner("tflite", ["a.tflite"])


class Sum(nn.Module):
    def forward(self, x, y):
        return x + y


class Both(nn.Module):
    def forward(self, x):
        return x + 1, 2 * x


class Named(nn.Module):
    def forward(self, x):
        return {"features": x + 1}


def trace(model, path, *examples, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.trace(model, examples, **settings).save(path)
    return [path]


def torch_model(inputs, outputs, folder):
    model = Sum() if inputs == 2 else Both()
    return trace(model, folder / "model.pt", *[torch.zeros(1, 3, 4, 4)] * inputs)


def onnx_model(inputs, outputs, folder):
    names = ["x", "y"][:inputs], ["a", "b"][:outputs]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in group] for group in names
    ]
    graph = helper.make_graph(
        [helper.make_node("Sum", names[0], [name]) for name in names[1]], "small", *ends
    )
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "model.onnx")
    return [folder / "model.onnx"]


def ncnn_model(inputs, outputs, folder):
    layers = [layer("Input", f"in{index}", "", f"in{index}", {}) for index in range(inputs)]
    if inputs == 2:
        layers += [layer("BinaryOp", "add", "in0 in1", "out0", {})]
    else:
        layers += [layer("Split", "split", "in0", "1 2", {})]
        layers += [layer("ReLU", f"relu{index}", f"{index + 1}", f"out{index}", {}) for index in range(2)]
    return pair(Graph(tuple(layers)), folder, "model")


MODELS = {"torch": torch_model, "onnxruntime": onnx_model, "ncnn": ncnn_model}


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (1, 2)])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_model_of_several_inputs_or_outputs_is_refused(runtime, inputs, outputs, tmp_path):
    files = MODELS[runtime](inputs, outputs, tmp_path)
    message = r"model\.\w+: it takes .+ and returns .+; export a model that takes one image and returns one"
    with pytest.raises(ArtifactError, match=message):
        open_runner(runtime, files)


def test_torchscript_that_returns_no_tensor_is_refused(tmp_path):
    trace(Named(), tmp_path / "model.pt", torch.zeros(1, 3, 4, 4), strict=False)
    with pytest.raises(ArtifactError, match=r"model\.pt: it takes x and returns Dict\[str, Tensor\]; export"):
        open_runner("torch", [tmp_path / "model.pt"])


def test_a_part_that_nobody_reads_is_not_the_output(tmp_path):
    parts = layer("Input", "in0", "", "in0", {}), layer("Split", "split", "in0", "unread 2", {})
    graph = Graph((*parts, layer("ReLU", "relu", "2", "out0", {})))
    output = open_runner("ncnn", pair(graph, tmp_path)).run(IMAGE)
    np.testing.assert_array_equal(output, np.maximum(IMAGE, 0).ravel())


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 1e-2)])
def test_vulkan_computes_what_the_cpu_does(precision, tolerance, case):
    runner = open_runner("ncnn", case.files["ncnn"], "gpu", precision=precision)
    assert runner.info.device != cpu_name() and runner.info.software_gpu is not None
    np.testing.assert_allclose(runner.run(IMAGE), case.results[-1], atol=tolerance)
    np.testing.assert_allclose(runner.run(IMAGE[:, ::-1, :][:, ::-1, :]), case.results[-1], atol=tolerance)
    graph = read_graph(*case.files["ncnn"])
    names = [each.outputs[0] for each in graph.of_type("Convolution", "InnerProduct")]
    for (_, values), index in zip(runner.blobs(IMAGE, names), (1, 3, 6), strict=True):
        np.testing.assert_allclose(values, case.results[index], atol=tolerance)


@pytest.mark.gpu
@pytest.mark.usefixtures("vulkan")
def test_vulkan_computes_int8_as_the_cpu_does(tmp_path):
    graph, image = small_network(), IMAGE[:, :8, :8]
    scales = dict.fromkeys(("conv", "fc"), 40.0)
    files = pair(quantize(graph, CalibrationTable(weight_scales(graph, scales), scales)), tmp_path, "int8")
    on_cpu, on_gpu = (
        open_runner("ncnn", files, device, precision="int8").run(image) for device in ("cpu", "gpu")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=2e-2 * np.abs(on_cpu).max())


BROKEN_DEVICE = """
import zoo.runners.ncnn_runner as module
from zoo.vulkan import VulkanDevice
module.vulkan_device = lambda: VulkanDevice(0, "Broken GPU", False)
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
