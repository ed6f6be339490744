"""The gates: what an artifact's outputs must reach to pass, wherever they are asked for."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.array_types import Arrays
from zoo.config.records.verification import Closeness, SearchedCloseness
from zoo.errors import ZooError

_GATES = {
    "min_cosine": ("cosine similarity of the worst image", "below"),
    "min_sqnr_db": ("SQNR in dB", "below"),
    "min_top1_agreement": ("top-1 agreement", "below"),
    "max_abs_error": ("largest absolute error", "above"),
}

BELOW_SEARCH = "max_db_below_search"
"""The gate of what a search chose, see `search_failures`."""

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
    """A sentence for each gate that the numbers do not meet; it names the worst output and image.

    Gates: `min_cosine`, `min_sqnr_db`, `min_top1_agreement` (0 to 1), `max_abs_error`; the limit itself
    meets a gate, None and not-a-number meet none. Top-1 agreement is asked of classifiers only;
    `max_db_below_search` is for `search_failures`. Raises ZooError for an unknown gate.
    """
    values = {
        "min_cosine": numbers.cosine.min,
        "min_sqnr_db": numbers.sqnr_db,
        "min_top1_agreement": numbers.top1_agreement,
        "max_abs_error": numbers.max_abs_error,
    }
    missed = []
    for gate, limit in gates.items():
        if gate == BELOW_SEARCH:
            continue
        if gate not in _GATES:
            raise ZooError(f"unknown gate {gate}; known are {', '.join((*_GATES, BELOW_SEARCH))}")
        if gate == "min_top1_agreement" and numbers.top1_agreement is None:
            continue  # it is no classifier
        what, side = _GATES[gate]
        measured = values[gate]
        value = math.nan if measured is None else measured
        if not (value >= limit if side == "below" else value <= limit):
            missed.append(f"{what} is {value:.6g}, {side} the gate {limit:g}{_worst(numbers)}")
    return missed


def _worst(numbers: Closeness) -> str:
    """Which output and image are furthest off, as an aside."""
    worst = numbers.worst
    if worst is None:
        return ""
    which = f"output {worst.output} for " if numbers.outputs else ""
    return f" (worst: {which}{worst.image}, {worst.sqnr_db:.1f} dB)"


def search_failures(found: SearchedCloseness, gates: Mapping[str, float]) -> list[str]:
    """A sentence if a file is further below what was measured when it was chosen than the gates let it."""
    allowed = gates.get(BELOW_SEARCH)
    if allowed is None or found.sqnr_db >= found.searched_db - allowed:
        return []
    return [
        f"on the {found.images} images that it was chosen by, SQNR to fp32 is {found.sqnr_db:.1f} dB, and "
        f"was {found.searched_db:.1f} dB when it was made: more than the gate {allowed:g} dB below"
    ]


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
