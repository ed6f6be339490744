"""What a vector of numbers is taken for."""

from collections.abc import Callable

import numpy as np
import pytest

from zoo.models.ending import Ending, Operators, Step, ending

SHAPES = [(3, 4, 4)]


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values)
    return powers / powers.sum()


ANSWERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "logits": lambda values: values,
    "probabilities": softmax,
    "sigmoid": lambda values: 1 / (1 + np.exp(-values)),
}


def found(step: Step, answer: Callable[[np.ndarray], np.ndarray]) -> Ending:
    return ending(step, lambda inputs: answer(inputs[0][:, 0, 0]), SHAPES)


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_tell_where_the_graph_does_not(kind: str) -> None:
    told = found(Step(), ANSWERS[kind])
    assert (told.kind, told.by) == (kind, "its answers for random inputs")
    assert told.between_0_and_1 == (kind != "logits")


def test_the_graph_is_believed_before_the_answers() -> None:
    told = found(Step("logits", "Gemm"), ANSWERS["sigmoid"])
    assert (told.kind, told.by) == ("logits", "its graph, which ends in Gemm")
    assert found(Step("sigmoid", "Sigmoid"), softmax).kind == "sigmoid"


def test_a_softmax_along_another_axis_makes_no_probabilities() -> None:
    assert found(Step("probabilities", "Softmax"), lambda values: np.ones_like(values)).kind == "logits"


def test_a_constant_tells_nothing() -> None:
    assert found(Step(), lambda values: np.full_like(values, 0.7)).kind == "logits"


OPERATORS = Operators({"Soft": "probabilities", "Linear": "logits"}, {"Reshape"}, {"Add"})


@pytest.mark.parametrize(
    ("made", "step"),
    [
        ({"out": ("Reshape", ["a", "shape"]), "a": ("Soft", ["b"])}, Step("probabilities", "Soft")),
        ({"out": ("Add", ["a", "bias"]), "a": ("Linear", ["b"])}, Step("logits", "Linear")),
        ({"out": ("Add", ["a", "b"]), "a": ("Soft", ["x"]), "b": ("Soft", ["x"])}, Step()),
        ({"out": ("Exp", ["a"]), "a": ("Linear", ["b"])}, Step()),
        ({"out": ("Reshape", ["out"])}, Step()),
        ({}, Step()),
    ],
)
def test_a_graph_is_followed_back_as_far_as_shapes_and_sums_go(made: dict, step: Step) -> None:
    assert OPERATORS.followed("out", made) == step
