"""What meets a gate, and what is said of what does not."""

from dataclasses import replace

import numpy as np
import pytest

from zoo.config.records.verification import Closeness, Cosine
from zoo.errors import ZooError
from zoo.measure.gates import failures, gate_failures, layer_threshold, not_finite

STRICT = {"min_cosine": 0.99999, "min_sqnr_db": 90, "min_top1_agreement": 1.0, "max_abs_error": 1e-3}

NUMBERS = Closeness(
    images=3, cosine=Cosine(0.98, 0.99), sqnr_db=30.0, top1_agreement=0.97, max_abs_error=0.25
)


@pytest.mark.parametrize(
    ("gate", "met", "missed", "sentence"),
    [
        ("min_cosine", 0.98, 0.99, "cosine similarity of the worst image is 0.98, below the gate 0.99"),
        ("min_sqnr_db", 30.0, 40, "SQNR in dB is 30, below the gate 40"),
        ("min_top1_agreement", 0.97, 0.975, "top-1 agreement is 0.97, below the gate 0.975"),
        ("max_abs_error", 0.25, 0.2, "largest absolute error is 0.25, above the gate 0.2"),
    ],
)
def test_a_gate_is_met_at_its_limit_and_missed_in_a_sentence(gate, met, missed, sentence):
    assert gate_failures(NUMBERS, {gate: met}) == []
    assert gate_failures(NUMBERS, {gate: missed}) == [sentence]


@pytest.mark.parametrize("value", [None, np.nan])
def test_what_is_not_a_number_meets_no_gate(value):
    numbers = Closeness(
        images=3, cosine=Cosine(value, 1.0), sqnr_db=value, top1_agreement=np.nan, max_abs_error=value
    )
    assert len(gate_failures(numbers, STRICT)) == len(STRICT)


def test_a_model_that_is_no_classifier_is_not_asked_for_agreement():
    numbers = replace(NUMBERS, top1_agreement=None)
    assert gate_failures(numbers, {"min_top1_agreement": 1.0}) == []
    assert len(gate_failures(numbers, STRICT)) == len(STRICT) - 1


def test_an_unknown_gate_is_answered_with_the_known_ones():
    with pytest.raises(ZooError, match="unknown gate min_psnr; known are min_cosine, min_sqnr_db, min_top1"):
        gate_failures(NUMBERS, {"min_psnr": 1})


def test_images_with_outputs_that_are_no_numbers_are_counted():
    logits = np.float32([[1, 2], [np.nan, 0], [0, -np.inf]])
    assert not_finite((logits[:1],), ["a"]) == []
    assert not_finite((logits,), ["a", "b", "c"]) == [
        "the outputs for 2 of 3 images hold NaN or infinity, first those for b"
    ]
    assert not_finite((np.float32([1, np.nan, 4]),), ["a", "b", "c"]) == [
        "the outputs for 1 of 3 images hold NaN or infinity, first those for b"
    ]


@pytest.mark.parametrize("broken", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_told_wherever_it_is(broken, value):
    outputs = np.ones((2, 3, 4, 4), np.float32), np.ones((2, 5), np.float32)
    assert not_finite(outputs, ["a", "b"]) == []
    outputs[broken][1].flat[0] = value
    (sentence,) = not_finite(outputs, ["a", "b"])
    assert sentence == "the outputs for 1 of 2 images hold NaN or infinity, first those for b"


def test_outputs_fail_for_what_is_not_finite_and_for_gates():
    wild = (np.float32([[1, np.inf], [1, 2], [3, 4]]),)
    assert failures((np.ones((3, 2), np.float32),), "abc", NUMBERS, {"min_cosine": 0.98}) == []
    found = failures(wild, "abc", NUMBERS, {"min_cosine": 0.99})
    assert [each.split(" ")[0] for each in found] == ["the", "cosine"]
    assert len(failures(wild, "abc", NUMBERS, {})) == 1, "whatever the gates are"


def test_a_layer_diverges_below_what_is_asked_of_the_outputs():
    assert layer_threshold({"min_cosine": 0.995}) == 0.995
    assert layer_threshold({"min_sqnr_db": 30}) == layer_threshold({}) == 0.99
