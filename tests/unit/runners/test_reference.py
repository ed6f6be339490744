"""Reference outputs, and an artifact's in the same shapes."""

from pathlib import Path

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos, reference
from samples.ncnn import chain, small_network
from zoo.errors import ArtifactError, ZooError
from zoo.images.sets import Sample
from zoo.jobs.arrays import write_arrays
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


@pytest.mark.parametrize(
    "changes",
    [
        {"output0": np.zeros((3, 5), np.float32)},
        {"output0": np.array("text")},
        {"output0": np.float32(1)},
        {"names": np.array(["a"])},
        {"names": np.zeros(2)},
        {"names": np.array("a")},
        {"task": np.array(1)},
        {"labels": np.zeros(2, np.float32)},
        {"labels": np.zeros(3, np.int64)},
        {"second0": np.zeros((1, 2), np.float32)},
    ],
)
def test_arrays_that_do_not_fit_one_another_are_no_reference(changes, tmp_path):
    path = tmp_path / "reference.npz"
    sound = {
        "names": np.array(["a", "b"]),
        "task": np.array("other"),
        "output0": np.zeros((2, 5), np.float32),
    }
    write_arrays(sound, path)
    assert Reference.load(path).names == ("a", "b")
    write_arrays(sound | changes, path)
    with pytest.raises(ZooError, match=r"reference\.npz: not a file of reference outputs"):
        Reference.load(path)


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


@pytest.mark.parametrize("labels", [[4, 2], [4, None], [None, None]])
def test_a_reference_of_samples_has_their_names_and_labels_if_all_have_one(labels):
    samples = [Sample(name, Path(name), label=label) for name, label in zip("ab", labels, strict=True)]
    made = Reference.of(samples, (np.ones((2, 5), np.float32),), "other")
    assert (made.names, made.task, made.second) == (("a", "b"), "other", None)
    if labels == [4, 2]:
        assert made.labels.dtype == np.int64 and made.labels.tolist() == labels
    else:
        assert made.labels is None
