"""The gates: what an artifact's numbers must reach to pass."""

import math
from collections.abc import Mapping
from typing import Any

from zoo.errors import ZooError

_GATES = {
    "min_cosine": ("cosine similarity of the worst image", "below"),
    "min_sqnr_db": ("SQNR in dB", "below"),
    "min_top1_agreement": ("top-1 agreement", "below"),
    "max_abs_error": ("largest absolute error", "above"),
}


def gate_failures(numbers: Mapping[str, Any], gates: Mapping[str, float]) -> list[str]:
    """A sentence for each gate that the numbers do not meet.

    Gates: `min_cosine`, `min_sqnr_db`, `min_top1_agreement` (0 to 1), `max_abs_error`; the limit itself
    meets a gate, None and not-a-number meet none. Top-1 agreement is asked of classifiers only. Raises
    ZooError for an unknown gate.
    """
    values = {
        "min_cosine": numbers["cosine"]["min"],
        "min_sqnr_db": numbers["sqnr_db"],
        "min_top1_agreement": numbers["top1_agreement"],
        "max_abs_error": numbers["max_abs_error"],
    }
    failures = []
    for gate, limit in gates.items():
        if gate not in _GATES:
            raise ZooError(f"unknown gate {gate}; known are {', '.join(_GATES)}")
        if gate == "min_top1_agreement" and numbers["top1_agreement"] is None:
            continue  # it is no classifier
        what, side = _GATES[gate]
        value = math.nan if values[gate] is None else values[gate]
        if not (value >= limit if side == "below" else value <= limit):
            failures.append(f"{what} is {value:.6g}, {side} the gate {limit:g}")
    return failures
