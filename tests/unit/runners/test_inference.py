"""Outputs of an artifact for images, in one process and in several."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from samples.artifacts import FEED, TWO, artifact, pair, photos, reference, two_headed_reference
from samples.ncnn import small_network, two_headed
from zoo.errors import ArtifactError, ZooError
from zoo.images.decode import load
from zoo.jobs import isolation
from zoo.runners import inference
from zoo.runners.inference import run, stacked
from zoo.runners.reference import Reference, outputs


def test_outputs_are_those_of_the_images_in_order(tmp_path):
    graph, samples = small_network(), photos(tmp_path, 3)
    expected = reference(graph, samples, tmp_path)
    (logits,), info = outputs(artifact(*pair(graph, tmp_path)), samples, FEED, expected, threads=1)
    np.testing.assert_array_equal(logits, expected.logits)
    assert logits.shape == (3, 5) and info.name == "ncnn"


def test_outputs_from_several_processes_are_in_order_too(tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "PART", 2)
    graph, samples = small_network(), photos(tmp_path, 9)
    expected = reference(graph, samples, tmp_path)
    fp32 = artifact(*pair(graph, tmp_path))
    assert inference.processes_for(fp32, 9, 2, 3000) == 2
    (logits,), info = outputs(fp32, samples, FEED, expected, threads=2)
    np.testing.assert_array_equal(logits, expected.logits)
    assert logits.shape == (9, 5) and info.name == "ncnn"
    samples[5].path.write_bytes(b"no image")
    with pytest.raises(ZooError, match=r"5\.png: cannot be read as an image"):
        outputs(fp32, samples, FEED, expected, threads=2)


def test_processes_share_the_work_where_that_pays(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path))
    assert [inference.processes_for(fp32, images, 4, 3000) for images in (10, 63, 64, 10_000)] == [1, 1, 2, 4]
    assert inference.processes_for(replace(fp32, device="gpu"), 10_000, 4, 3000) == 1
    assert inference.processes_for(replace(fp32, runtime="torch"), 10_000, 4, 3000) == 1
    large = tmp_path / "large.bin"
    with large.open("wb") as handle:
        handle.truncate(400_000_000)
    grants = [1000, 2800, 4200, 1e6]
    found = [inference.processes_for(replace(fp32, files=(large,)), 10_000, 4, granted) for granted in grants]
    assert found == [1, 2, 3, 4]


def test_onnxruntime_sees_the_same_images(tmp_path):
    from onnx import TensorProto, helper, save

    samples = photos(tmp_path, 2)
    nodes = helper.make_node("Relu", ["data"], ["x"]), helper.make_node("Flatten", ["x"], ["output"])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("data", [1, 3, 8, 8]), ("output", [1, 192]))
    ]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, tmp_path / "fp32.onnx")
    images = np.stack([np.maximum(image, 0).ravel() for _, (image,) in load(samples, FEED, 1)])
    expected = Reference((images,), tuple(sample.name for sample in samples), None)
    onnx = artifact(tmp_path / "fp32.onnx", name="fp32.onnx", runtime="onnxruntime")
    (logits,), info = outputs(onnx, samples, FEED, expected, threads=1)
    np.testing.assert_array_equal(logits, images)
    assert info.name == "onnxruntime"


def test_several_outputs_are_those_of_the_samples_in_order(tmp_path):
    samples = photos(tmp_path, 3)
    expected = two_headed_reference(samples, tmp_path)
    found, _ = outputs(artifact(*pair(two_headed(), tmp_path)), samples, TWO, expected, threads=2)
    assert [each.shape for each in found] == [(3, 4, 8, 8), (3, 5)]
    for one, other in zip(found, expected.outputs, strict=True):
        np.testing.assert_array_equal(one, other)
    backwards, _ = run(artifact(*pair(two_headed(), tmp_path)), samples[::-1], TWO, threads=1)
    for one, other in zip(backwards, expected.outputs, strict=True):
        np.testing.assert_array_equal(one, other[::-1])


def test_outputs_whose_shape_depends_on_the_content_are_refused():
    boxes = [(np.zeros((count, 4), np.float32), np.zeros(3, np.float32)) for count in (2, 3)]
    with pytest.raises(ArtifactError, match=r"shape of an output depends on the content .*non-maximum"):
        stacked(boxes)
    with pytest.raises(ArtifactError, match="depends on the content"):
        stacked([(np.zeros(2),), (np.zeros(2), np.zeros(2))])


def test_another_number_of_inputs_than_the_artifact_takes_is_its_fault(tmp_path):
    samples = photos(tmp_path, 1)
    with pytest.raises(ArtifactError, match=r"takes 1 inputs \(in0\) and was given 2"):
        run(artifact(*pair(small_network(), tmp_path)), samples, TWO, threads=1)


class Looping(nn.Module):
    """It loops without end for images whose first number is positive."""

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        while bool(data.flatten()[0] > 0):
            data = data + 1
        return data


def outputs_in_a_second(*arguments):
    isolation.ANSWER_S = 1.0
    return inference._outputs(*arguments)


def test_a_model_that_loops_for_some_images_is_ended(tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Looping()).save(tmp_path / "looping.pt")
    looping = replace(artifact(tmp_path / "looping.pt"), runtime="torch")
    monkeypatch.setattr(inference, "_outputs", outputs_in_a_second)
    with pytest.raises(ArtifactError, match=r"and did not answer; does the model loop without end\?"):
        run(looping, photos(tmp_path, 3), FEED, threads=1)
