"""The gates: what an artifact's outputs must reach to pass, wherever they are asked for."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.array_types import Arrays
from zoo.config.records.verification import Closeness
from zoo.errors import ZooError

_GATES = {
    "min_cosine": ("cosine similarity of the worst image", "below"),
    "min_sqnr_db": ("SQNR in dB", "below"),
    "min_top1_agreement": ("top-1 agreement", "below"),
    "max_abs_error": ("largest absolute error", "above"),
}

_DIVERGED = 0.99  # a layer's cosine where there is no gate on the outputs'


def failures(
    outputs: Arrays, names: Sequence[str], numbers: Closeness, gates: Mapping[str, float]
) -> list[str]:
    """A sentence for each thing that outputs, each (images, …), fail for: numbers that are not finite,
    whatever the gates are, and each gate that is not met.

    names: of the images. numbers: how close the outputs are. Raises ZooError for an unknown gate.
    """
    return not_finite(outputs, names) + gate_failures(numbers, gates)


def gate_failures(numbers: Closeness, gates: Mapping[str, float]) -> list[str]:
    """A sentence for each gate that the numbers do not meet.

    Gates: `min_cosine`, `min_sqnr_db`, `min_top1_agreement` (0 to 1), `max_abs_error`; the limit itself
    meets a gate, None and not-a-number meet none. Top-1 agreement is asked of classifiers only. Raises
    ZooError for an unknown gate.
    """
    values = {
        "min_cosine": numbers.cosine.min,
        "min_sqnr_db": numbers.sqnr_db,
        "min_top1_agreement": numbers.top1_agreement,
        "max_abs_error": numbers.max_abs_error,
    }
    missed = []
    for gate, limit in gates.items():
        if gate not in _GATES:
            raise ZooError(f"unknown gate {gate}; known are {', '.join(_GATES)}")
        if gate == "min_top1_agreement" and numbers.top1_agreement is None:
            continue  # it is no classifier
        what, side = _GATES[gate]
        measured = values[gate]
        value = math.nan if measured is None else measured
        if not (value >= limit if side == "below" else value <= limit):
            missed.append(f"{what} is {value:.6g}, {side} the gate {limit:g}")
    return missed


def not_finite(outputs: Arrays, names: Sequence[str]) -> list[str]:
    """A sentence if outputs (images, …) hold NaN or infinity. names: of the images."""
    bad = np.any([~np.isfinite(each.reshape(len(each), -1)).all(axis=1) for each in outputs], axis=0)
    if not bad.any():
        return []
    first = names[int(bad.argmax())]
    return [f"the outputs for {bad.sum()} of {bad.size} images hold NaN or infinity, first those for {first}"]


def layer_threshold(gates: Mapping[str, float]) -> float:
    """The cosine below which a layer's output counts as diverged: what is asked of the model's outputs."""
    return gates.get("min_cosine", _DIVERGED)
