"""Outputs of an artifact for images, and the reference outputs they are compared with."""

from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import FEED, TWO, artifact, pair, photos, reference, two_headed_reference
from samples.ncnn import chain, small_network, two_headed
from zoo.errors import ArtifactError, ZooError
from zoo.images.decode import load
from zoo.jobs.arrays import write_arrays
from zoo.runners import inference
from zoo.runners.inference import run, stacked
from zoo.runners.reference import Reference, outputs, shaped_like


@pytest.mark.parametrize("labels", [None, np.int64([3, 0])])
def test_a_reference_comes_back_from_its_file(labels, tmp_path):
    saved = Reference((np.float32([[1, 2.5], [0, -1]]),), ("a b.png", "sub/ü.png"), labels)
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
    (logits,), info = outputs(artifact(*pair(graph, tmp_path)), samples, FEED, expected, threads=1)
    np.testing.assert_array_equal(logits, expected.logits)
    assert logits.shape == (3, 5) and info.name == "ncnn"


def test_outputs_from_several_processes_are_in_order_too(tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "PART", 2)
    graph, samples = small_network(), photos(tmp_path, 9)
    expected = reference(graph, samples, tmp_path)
    fp32 = artifact(*pair(graph, tmp_path))
    assert inference._processes(fp32, 9, 2, 3000) == 2
    (logits,), info = outputs(fp32, samples, FEED, expected, threads=2)
    np.testing.assert_array_equal(logits, expected.logits)
    assert logits.shape == (9, 5) and info.name == "ncnn"
    samples[5].path.write_bytes(b"no image")
    with pytest.raises(ZooError, match=r"5\.png: cannot be read as an image"):
        outputs(fp32, samples, FEED, expected, threads=2)


def test_processes_share_the_work_where_that_pays(tmp_path):
    fp32 = artifact(*pair(small_network(), tmp_path))
    assert [inference._processes(fp32, images, 4, 3000) for images in (10, 63, 64, 10_000)] == [1, 1, 2, 4]
    assert inference._processes(replace(fp32, device="gpu"), 10_000, 4, 3000) == 1
    assert inference._processes(replace(fp32, runtime="torch"), 10_000, 4, 3000) == 1
    large = tmp_path / "large.bin"
    with large.open("wb") as handle:
        handle.truncate(400_000_000)
    grants = [1000, 2800, 4200, 1e6]
    found = [inference._processes(replace(fp32, files=(large,)), 10_000, 4, granted) for granted in grants]
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


def test_other_images_than_those_of_the_reference_are_refused(tmp_path):
    graph, samples = small_network(), photos(tmp_path, 3)
    expected = reference(graph, samples[:2], tmp_path)
    with pytest.raises(ZooError, match="the images are not those that the reference outputs were made from"):
        outputs(artifact("a.param", "a.bin"), samples, FEED, expected, threads=1)


def test_outputs_of_another_shape_are_refused(tmp_path):
    samples = photos(tmp_path, 2)
    expected = reference(small_network(), samples, tmp_path)
    files = pair(chain("InnerProduct", {0: 4, 2: 4 * 192}), tmp_path)
    with pytest.raises(ArtifactError, match=r"cpu/small/fp32: .* shape \(2, 4\), the original .* \(2, 5\)"):
        outputs(artifact(*files), samples, FEED, expected, threads=1)


@pytest.mark.parametrize("second", [False, True])
def test_a_reference_of_several_outputs_comes_back_from_its_file(second, tmp_path):
    generator = np.random.default_rng(0)
    first = tuple(generator.standard_normal((2, *shape), np.float32) for shape in [(3, 4, 4), (5,), ()] * 4)
    other = tuple(generator.standard_normal((2, *shape), np.float32) for shape in [(3, 6, 6), (5,)])
    saved = Reference(first, ("a", "b"), task="other", second=other if second else None)
    saved.save(tmp_path / "reference.npz")
    loaded = Reference.load(tmp_path / "reference.npz")
    assert (loaded.names, loaded.labels, loaded.task) == (("a", "b"), None, "other")
    assert not loaded.classifies and Reference((), ()).classifies
    assert (loaded.second is not None) == second
    for mine, theirs in ((first, loaded.outputs), (other if second else (), loaded.second or ())):
        assert len(mine) == len(theirs)
        for one, same in zip(mine, theirs, strict=True):
            assert same.dtype == np.float32 and same.shape == one.shape
            np.testing.assert_array_equal(same, one)


def test_the_logits_are_the_only_output_as_one_row_an_image():
    output = np.arange(12, dtype=np.float32).reshape(2, 6, 1, 1)
    np.testing.assert_array_equal(Reference((output,), ("a", "b")).logits, output.reshape(2, 6))
    with pytest.raises(ValueError):
        _ = Reference((output, output), ("a", "b"), task="other").logits


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


def test_outputs_take_the_shapes_of_the_original_model():
    own = np.arange(24, dtype=np.float32).reshape(2, 12), np.arange(2, dtype=np.float32).reshape(2, 1)
    wanted = np.zeros((2, 3, 4, 1)), np.zeros(2)
    found = shaped_like(artifact("a"), own, wanted)
    assert [each.shape for each in found] == [(2, 3, 4, 1), (2,)]
    assert all((each.ravel() == one.ravel()).all() for each, one in zip(found, own, strict=True))


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(2, 5)], "it has 1 outputs, and the original model has 2"),
        ([(2, 5), (2, 4), (2, 4)], "it has 3 outputs, and the original model has 2"),
        ([(2, 5), (2, 5)], r"its output 1 has the shape \(2, 5\), the original model's \(2, 4\)"),
        ([(1, 10), (2, 4)], r"its output 0 has the shape \(1, 10\), the original model's \(2, 5\)"),
    ],
)
def test_other_outputs_than_the_original_models_are_refused(shapes, said):
    with pytest.raises(ArtifactError, match=f"^cpu/small/fp32: {said}"):
        shaped_like(artifact("a"), tuple(map(np.zeros, shapes)), (np.zeros((2, 5)), np.zeros((2, 4))))


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
