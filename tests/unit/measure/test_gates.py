"""What meets a gate, and what is said of what does not."""

from dataclasses import replace

import numpy as np
import pytest

from zoo.config.records.verification import Closeness, Cosine, OutputCloseness, SearchedCloseness, WorstImage
from zoo.config.settings import DEFAULT_GATES
from zoo.errors import ZooError
from zoo.measure.closeness import closeness
from zoo.measure.gates import failures, gate_failures, layer_threshold, not_finite, search_failures

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


def test_a_sentence_names_the_worst_output_and_image():
    worst = WorstImage(output=1, image="b.png", cosine=0.98, sqnr_db=12.34)
    one = replace(NUMBERS, worst=worst)
    (sentence,) = gate_failures(one, {"min_sqnr_db": 40})
    assert sentence == "SQNR in dB is 30, below the gate 40 (worst: b.png, 12.3 dB)"
    outputs = (OutputCloseness((5,), Cosine(1.0, 1.0), 30.0, 0.25),) * 2
    (sentence,) = gate_failures(replace(one, outputs=outputs), {"min_cosine": 0.99})
    assert sentence.endswith("below the gate 0.99 (worst: output 1 for b.png, 12.3 dB)")


@pytest.mark.parametrize(("now", "passes"), [(28.9, True), (25.9, True), (25.8, False), (-200.0, False)])
def test_what_a_search_chose_is_held_to_what_it_measured(now, passes):
    found = SearchedCloseness(images=25, sqnr_db=now, searched_db=28.9)
    sentences = search_failures(found, {"max_db_below_search": 3})
    assert (sentences == []) is passes
    assert search_failures(found, {}) == [], "nothing is asked without the gate"
    if now == 25.8:
        assert sentences == [
            "on the 25 images that it was chosen by, SQNR to fp32 is 25.8 dB, and was 28.9 dB when it was "
            "made: more than the gate 3 dB below"
        ]


def test_the_gate_of_the_search_asks_nothing_of_the_outputs():
    assert gate_failures(NUMBERS, {"max_db_below_search": 0}) == []


@pytest.mark.parametrize("precision", DEFAULT_GATES)
def test_by_default_a_factor_is_seen(precision):
    expected = (np.random.default_rng(0).standard_normal((4, 10), np.float32),)
    numbers = closeness(expected, (2 * expected[0],), "abcd")
    assert numbers.cosine.min == pytest.approx(1) and numbers.top1_agreement == 1
    (sentence,) = gate_failures(numbers, DEFAULT_GATES[precision].to_dict())
    assert sentence.startswith("SQNR in dB is 0, below the gate")
