"""What a classifier's output is: logits, probabilities or sigmoids, by its graph's end, or its answers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.config.records.card import LOGITS, PROBABILITIES, SIGMOID
from zoo.images.inputs import Shape

_FAR = 40  # so many operators are followed back
PROBES = 4
"""Random inputs that a model answers where its graph does not tell."""
_CLOSE = 1e-3


@dataclass(frozen=True)
class Step:
    """The last operation of a graph that tells what the output is, by name. kind: of
    `zoo.config.records.card.OUTPUTS`, or None."""

    kind: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Ending:
    """What an output is. by: what tells so, in words. least, largest: of its values for random inputs."""

    kind: str
    by: str
    least: float
    largest: float

    @property
    def between_0_and_1(self) -> bool:
        """Whether all values were."""
        return self.least >= -_CLOSE and self.largest <= 1 + _CLOSE


def ending(step: Step, answer: Callable[[Arrays], NDArray[np.floating]], shapes: Sequence[Shape]) -> Ending:
    """What a vector is that a graph computes.

    step: how the graph ends. answer: the vector for the model's inputs, without the batch, of these shapes.
    A softmax counts if its values add up to 1: it may lie along another axis. Where the graph tells nothing,
    the answers for random inputs do: they add up to 1, or lie between 0 and 1, or are taken for logits.
    """
    probes = _probes(shapes)
    vectors = np.stack([np.ravel(answer(probe)) for probe in probes[: 1 if step.kind else PROBES]])
    kind, by = step.kind, f"its graph, which ends in {step.name}"
    if kind == PROBABILITIES and not _add_up(vectors):
        kind = None
    if kind is None:
        kind, by = _by_values(vectors), "its answers for random inputs"
    return Ending(kind, by, float(vectors.min()), float(vectors.max()))


def _by_values(vectors: NDArray[np.floating]) -> str:
    if _add_up(vectors):
        return PROBABILITIES
    differ = vectors.size > 1 and np.ptp(vectors) > 0
    return SIGMOID if differ and vectors.min() >= 0 and vectors.max() <= 1 else LOGITS


def _add_up(vectors: NDArray[np.floating]) -> bool:
    return bool(vectors.min() >= 0 and np.abs(vectors.sum(axis=1) - 1).max() <= _CLOSE)


def _probes(shapes: Sequence[Shape]) -> list[Arrays]:
    generator = np.random.default_rng(0)
    return [
        tuple(generator.standard_normal(shape, dtype=np.float32) for shape in shapes) for _ in range(PROBES)
    ]


@dataclass(frozen=True)
class Operators:
    """What operators make of what they are given. kinds: what the output of some is, whatever they are given.
    keeping: those that change its shape or type only. blending: sums, products, means and the like."""

    kinds: Mapping[str, str]
    keeping: Collection[str]
    blending: Collection[str]

    def step(self, name: str, given: Sequence[Step | None]) -> Step | None:
        """What an operator's output is, by what its inputs are; None where nobody knows."""
        if name in self.kinds:
            return Step(self.kinds[name], name.strip("_"))
        if name in self.keeping:
            return given[0] if given else None
        if name not in self.blending:
            return None
        # of logits still logits, of others nobody knows
        return next((each for each in given if each is not None and each.kind == LOGITS), None)

    def followed(self, output: str, made: Mapping[str, tuple[str, Sequence[str]]]) -> Step:
        """How a value of a graph comes about. made: for each value the operator and its inputs."""
        known: dict[str, Step | None] = {}

        def of(name: str, far: int) -> Step | None:
            if name not in made or far == _FAR:
                return None
            if name not in known:
                known[name] = None
                operator, inputs = made[name]
                needed = operator in self.keeping or operator in self.blending
                given = [of(each, far + 1) for each in inputs] if needed else []
                known[name] = self.step(operator, given)
            return known[name]

        return of(output, 0) or Step()
