"""Accuracy and agreement, against what can be counted by hand."""

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos, reference
from samples.ncnn import small_network
from zoo.config.records.evaluation import Accuracy, Evaluation
from zoo.errors import ZooError
from zoo.jobs.made import sha256
from zoo.measure.accuracy import accuracy, evaluate
from zoo.measure.reference_set import ReferenceSet
from zoo.runners.reference import Reference

ORIGINAL = np.float32([[9, 1, 2, 3, 4, 5], [1, 9, 2, 3, 4, 5], [1, 2, 9, 3, 4, 5], [1, 2, 3, 9, 4, 5]])
QUANTIZED = np.float32([[9, 1, 2, 3, 4, 5], [9, 8, 2, 3, 4, 5], [1, 2, 9, 3, 4, 5], [9, 2, 3, 8, 4, 5]])
NAMES = ("a", "b", "c", "d")


def test_figures_with_labels():
    labels = np.int64([0, 1, 2, 0])  # the original has three right, the quantized one a and c and, by luck, d
    figures = accuracy((QUANTIZED,), Reference((ORIGINAL,), NAMES, labels))
    assert figures == Accuracy(
        images=4,
        labelled=True,
        top1=0.75,
        top5=1.0,
        reference_top1=0.75,
        top1_drop=0.0,
        agreement=0.5,
        sqnr_db=pytest.approx(10 * np.log10((ORIGINAL**2).sum() / ((ORIGINAL - QUANTIZED) ** 2).sum())),
    )


def test_top5_and_the_drop():
    labels = np.int64([0, 1, 0, 3])  # for c, class 0 comes last
    figures = accuracy((QUANTIZED,), Reference((ORIGINAL,), NAMES, labels))
    assert (figures.top1, figures.reference_top1, figures.top5) == (0.25, 0.75, 0.75)
    assert figures.top1_drop == pytest.approx(50)


def test_without_labels_there_is_agreement_only():
    figures = accuracy((ORIGINAL,), Reference((ORIGINAL,), NAMES, None))
    assert (figures.labelled, figures.agreement, figures.sqnr_db) == (False, 1.0, 200.0)
    assert {figures.top1, figures.top5, figures.reference_top1, figures.top1_drop} == {None}


def test_five_classes_have_no_top5():
    labels = np.int64([0, 1, 2, 3])
    assert accuracy((ORIGINAL[:, :5],), Reference((ORIGINAL[:, :5],), NAMES, labels)).top5 is None


def test_labels_beyond_the_classes_are_an_error():
    with pytest.raises(ZooError, match=r"labels up to 6, the model has 6 classes \(0 to 5\)"):
        accuracy((ORIGINAL,), Reference((ORIGINAL,), NAMES, np.int64([0, 6, 2, 3])))


def test_what_is_no_classifier_has_only_the_sqnr_of_its_worst_output():
    generator = np.random.default_rng(0)
    expected = tuple(generator.standard_normal((4, *shape), np.float32) for shape in [(3, 4, 4), (5,)])
    found = expected[0], expected[1] * np.float32(1.01)
    figures = accuracy(found, Reference(expected, NAMES, np.int64([0, 1, 2, 9]), task="other"))
    assert figures == Accuracy(images=4, labelled=True, sqnr_db=pytest.approx(40, abs=1e-3))
    backwards = accuracy(found[::-1], Reference(expected[::-1], NAMES, task="other"))
    assert backwards.sqnr_db == pytest.approx(40, abs=1e-3) and not backwards.labelled


def test_logits_in_another_shape_count_the_same():
    labels = np.int64([0, 1, 2, 0])
    flat = accuracy((QUANTIZED,), Reference((ORIGINAL,), NAMES, labels))
    square = tuple(each.reshape(4, 6, 1, 1) for each in (QUANTIZED, ORIGINAL))
    assert accuracy(square[:1], Reference(square[1:], NAMES, labels)) == flat


def test_the_record_of_an_artifact(tmp_path):
    graph, samples = small_network(), photos(tmp_path)
    against = ReferenceSet("photos", samples, FEED, reference(graph, samples, tmp_path))
    files = pair(graph, tmp_path)
    record = evaluate(artifact(*files), against, threads=1)
    assert record.hashes == {file.name: sha256(file) for file in files}
    record.write(tmp_path / "eval.json")
    assert Evaluation.read(tmp_path / "eval.json") == record
    assert (record.model, record.device, record.artifact) == ("small", "cpu", "fp32")
    assert (record.image_set, record.images, record.agreement) == ("photos", 3, 1.0)
    assert record.runtime.name == "ncnn" and record.top1 is None and not record.labelled
