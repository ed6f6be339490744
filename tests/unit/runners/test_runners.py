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
from torch import nn

from samples.artifacts import pair
from samples.ncnn import chain, layer, small_network, weight_scales
from zoo.errors import ArtifactError, ZooError
from zoo.export.onnx import export_onnx
from zoo.export.pnnx import convert
from zoo.export.torchscript import export_torchscript
from zoo.ncnn.graph import Graph, read_graph
from zoo.quantize.scales import quantize
from zoo.quantize.table import CalibrationTable
from zoo.runners import RUNTIMES, open_runner
from zoo.runners.hardware import cpu_name
from zoo.runners.ncnn_runner import NcnnRunner

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
    convert(*files["torch"], [example.shape], *files["ncnn"])
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


class Both(nn.Module):
    """An image and a vector in; a map and scores, which see both of them, out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.scale, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(5, 4), nn.Linear(4, 2)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.stem(image) * self.scale(vector)[:, :, None, None]
        return found.relu(), self.head(found.mean(dim=(2, 3)))


class Named(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        return {"features": [x + 1, 2 * x], "more": [-x]}


PAIR = IMAGE, np.random.default_rng(2).standard_normal(5).astype(np.float32)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A model of two inputs and two outputs, its artifact for each runtime, and what torch makes of PAIR."""
    torch.manual_seed(1)
    model, folder = Both().eval(), tmp_path_factory.mktemp("both")
    example = tuple(torch.from_numpy(each[None]) for each in PAIR)
    files = {
        "torch": (folder / "torchscript.pt",),
        "onnxruntime": (folder / "fp32.onnx",),
        "ncnn": (folder / "fp32.param", folder / "fp32.bin"),
    }
    export_torchscript(model, example, *files["torch"])
    names = ("image", "vector"), ("map", "scores")
    export_onnx(model, example, *files["onnxruntime"], names=names)
    convert(*files["torch"], [each.shape for each in example], *files["ncnn"], outputs=2)
    with torch.no_grad():
        return Case(files, [each[0].numpy() for each in model(*example)])


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


def test_ncnns_inputs_and_outputs_are_in_the_order_of_their_numbers(tmp_path):
    """pnnx's layers are in the order in which they are used, and there may be ten of them."""
    layers = [layer("Input", f"in{index}", "", f"in{index}", {}) for index in (10, 2, 0)]
    layers += [layer("ReLU", f"relu{index}", f"in{index}", f"out{index}", {}) for index in (10, 0, 2)]
    runner = open_runner("ncnn", pair(Graph(tuple(layers)), tmp_path))
    given = tuple(np.full(size, size, np.float32) for size in (1, 2, 3))
    for output, expected in zip(runner.run(given), given, strict=True):
        np.testing.assert_array_equal(output, expected)


def test_torchscript_may_return_any_containers_of_tensors(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Named()).save(tmp_path / "model.pt")
    outputs = open_runner("torch", [tmp_path / "model.pt"]).run((IMAGE,))
    for output, expected in zip(outputs, (IMAGE + 1, 2 * IMAGE, -IMAGE), strict=True):
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
