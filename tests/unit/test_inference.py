"""Outputs of an artifact for images, and the reference outputs they are compared with."""

from dataclasses import replace

import numpy as np
import pytest
from artifact_samples import RECORD, artifact, pair, photos, reference
from ncnn_samples import chain, small_network

from zoo import inference
from zoo.arrays import write_arrays
from zoo.errors import ArtifactError, ZooError
from zoo.images import load
from zoo.inference import Reference, outputs


@pytest.mark.parametrize("labels", [None, np.int64([3, 0])])
def test_a_reference_comes_back_from_its_file(labels, tmp_path):
    saved = Reference(np.float32([[1, 2.5], [0, -1]]), ("a b.png", "sub/ü.png"), labels)
    saved.save(tmp_path / "reference.npz")
    loaded = Reference.load(tmp_path / "reference.npz")
    assert loaded.names == saved.names and loaded.logits.dtype == np.float32
    np.testing.assert_array_equal(loaded.logits, saved.logits)
    assert (loaded.labels is None) == (labels is None)
    assert labels is None or (loaded.labels == labels).all()


def test_a_file_of_other_arrays_is_no_reference(tmp_path):
    write_arrays({"logits": np.zeros((1, 2))}, tmp_path / "other.npz")
    with pytest.raises(ZooError, match=r"other\.npz: not a file of reference outputs"):
        Reference.load(tmp_path / "other.npz")


def test_an_artifact_is_named_by_device_model_and_name():
    int8 = artifact("a.param", "a.bin", device="gpu", name="int8")
    assert str(int8) == "gpu/small/int8"
    assert int8.heading() == {"model": "small", "device": "gpu", "artifact": "int8"}
    assert [file.name for file in int8.files] == ["a.param", "a.bin"]


def test_outputs_are_those_of_the_images_in_order(tmp_path):
    graph, samples = small_network(), photos(tmp_path, 3)
    expected = reference(graph, samples, tmp_path)
    logits, info = outputs(artifact(*pair(graph, tmp_path)), samples, RECORD, expected, threads=1)
    np.testing.assert_array_equal(logits, expected.logits)
    assert logits.shape == (3, 5) and info.name == "ncnn"


def test_outputs_from_several_processes_are_in_order_too(tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "PART", 2)
    graph, samples = small_network(), photos(tmp_path, 9)
    expected = reference(graph, samples, tmp_path)
    fp32 = artifact(*pair(graph, tmp_path))
    assert inference._processes(fp32, 9, 2) == 2
    logits, info = outputs(fp32, samples, RECORD, expected, threads=2)
    np.testing.assert_array_equal(logits, expected.logits)
    assert logits.shape == (9, 5) and info.name == "ncnn"
    samples[5].path.write_bytes(b"no image")
    with pytest.raises(ZooError, match=r"5\.png: cannot be read as an image"):
        outputs(fp32, samples, RECORD, expected, threads=2)


def test_processes_share_the_work_where_that_pays(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path))
    assert [inference._processes(fp32, images, 4) for images in (10, 63, 64, 10_000)] == [1, 1, 2, 4]
    assert inference._processes(replace(fp32, device="gpu"), 10_000, 4) == 1
    assert inference._processes(replace(fp32, runtime="torch"), 10_000, 4) == 1
    large = tmp_path / "large.bin"
    with large.open("wb") as handle:
        handle.truncate(400_000_000)
    assert inference._processes(replace(fp32, files=(large,)), 10_000, 4) == 2


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
    images = np.stack([np.maximum(image, 0).ravel() for _, image in load(samples, RECORD, 1)])
    expected = Reference(images, tuple(sample.name for sample in samples), None)
    onnx = artifact(tmp_path / "fp32.onnx", name="fp32.onnx", runtime="onnxruntime")
    logits, info = outputs(onnx, samples, RECORD, expected, threads=1)
    np.testing.assert_array_equal(logits, images)
    assert info.name == "onnxruntime"


def test_other_images_than_those_of_the_reference_are_refused(tmp_path):
    graph, samples = small_network(), photos(tmp_path, 3)
    expected = reference(graph, samples[:2], tmp_path)
    with pytest.raises(ZooError, match="the images are not those that the reference outputs were made from"):
        outputs(artifact("a.param", "a.bin"), samples, RECORD, expected, threads=1)


def test_outputs_of_another_shape_are_refused(tmp_path):
    samples = photos(tmp_path, 2)
    expected = reference(small_network(), samples, tmp_path)
    files = pair(chain("InnerProduct", {0: 4, 2: 4 * 192}), tmp_path)
    with pytest.raises(ArtifactError, match=r"cpu/small/fp32: .* shape \(2, 4\), the original .* \(2, 5\)"):
        outputs(artifact(*files), samples, RECORD, expected, threads=1)
