"""Accuracy and agreement, against what can be counted by hand."""

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.jobs.records import write_json
from zoo.measure.accuracy import evaluate
from zoo.runners.reference import Reference

ORIGINAL = np.float32([[9, 1, 2, 3, 4, 5], [1, 9, 2, 3, 4, 5], [1, 2, 9, 3, 4, 5], [1, 2, 3, 9, 4, 5]])
QUANTIZED = np.float32([[9, 1, 2, 3, 4, 5], [9, 8, 2, 3, 4, 5], [1, 2, 9, 3, 4, 5], [9, 2, 3, 8, 4, 5]])
NAMES = ("a", "b", "c", "d")


def test_figures_with_labels(tmp_path):
    labels = np.int64([0, 1, 2, 0])  # the original has three right, the quantized one a and c and, by luck, d
    figures = evaluate((QUANTIZED,), Reference((ORIGINAL,), NAMES, labels))
    assert figures == {
        "images": 4,
        "labelled": True,
        "top1": 0.75,
        "top5": 1.0,
        "reference_top1": 0.75,
        "top1_drop": 0.0,
        "agreement": 0.5,
        "sqnr_db": pytest.approx(10 * np.log10((ORIGINAL**2).sum() / ((ORIGINAL - QUANTIZED) ** 2).sum())),
    }
    write_json(figures, tmp_path / "eval.json")


def test_top5_and_the_drop():
    labels = np.int64([0, 1, 0, 3])  # for c, class 0 comes last
    figures = evaluate((QUANTIZED,), Reference((ORIGINAL,), NAMES, labels))
    assert (figures["top1"], figures["reference_top1"], figures["top5"]) == (0.25, 0.75, 0.75)
    assert figures["top1_drop"] == pytest.approx(50)


def test_without_labels_there_is_agreement_only():
    figures = evaluate((ORIGINAL,), Reference((ORIGINAL,), NAMES, None))
    assert (figures["labelled"], figures["agreement"], figures["sqnr_db"]) == (False, 1.0, 200.0)
    assert [figures[key] for key in ("top1", "top5", "reference_top1", "top1_drop")] == [None] * 4


def test_five_classes_have_no_top5():
    labels = np.int64([0, 1, 2, 3])
    assert evaluate((ORIGINAL[:, :5],), Reference((ORIGINAL[:, :5],), NAMES, labels))["top5"] is None


def test_labels_beyond_the_classes_are_an_error():
    with pytest.raises(ZooError, match=r"labels up to 6, the model has 6 classes \(0 to 5\)"):
        evaluate((ORIGINAL,), Reference((ORIGINAL,), NAMES, np.int64([0, 6, 2, 3])))


def test_what_is_no_classifier_has_only_the_sqnr_of_its_worst_output(tmp_path):
    generator = np.random.default_rng(0)
    expected = tuple(generator.standard_normal((4, *shape), np.float32) for shape in [(3, 4, 4), (5,)])
    found = expected[0], expected[1] * np.float32(1.01)
    figures = evaluate(found, Reference(expected, NAMES, np.int64([0, 1, 2, 9]), task="other"))
    assert figures.pop("sqnr_db") == pytest.approx(40, abs=1e-3)
    assert figures == {
        "images": 4,
        "labelled": True,
        **dict.fromkeys(("top1", "top5", "reference_top1", "top1_drop", "agreement")),
    }
    backwards = evaluate(found[::-1], Reference(expected[::-1], NAMES, task="other"))
    assert backwards["sqnr_db"] == pytest.approx(40, abs=1e-3) and not backwards["labelled"]
    write_json(figures, tmp_path / "eval.json")


def test_logits_in_another_shape_count_the_same():
    labels = np.int64([0, 1, 2, 0])
    flat = evaluate((QUANTIZED,), Reference((ORIGINAL,), NAMES, labels))
    square = tuple(each.reshape(4, 6, 1, 1) for each in (QUANTIZED, ORIGINAL))
    assert evaluate(square[:1], Reference(square[1:], NAMES, labels)) == flat
