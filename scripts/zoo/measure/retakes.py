"""A time that cannot be believed is taken again."""

from collections.abc import Callable
from typing import TypeVar

from zoo.config.records.benchmark import TimedLatency

TRIES = 3
"""How often a time is taken at most."""

_Beside = TypeVar("_Beside")


def until_believed(
    take: Callable[[], tuple[TimedLatency, _Beside]],
    is_believed: Callable[[TimedLatency, _Beside], bool],
    tries: int = TRIES,
) -> tuple[TimedLatency, _Beside]:
    """The first of some takes that can be believed, else the one whose ratio is known best.

    take: times anew; with what it returns beside the latency it is judged, too.
    """
    taken = []
    for _ in range(tries):
        taken.append(take())
        if is_believed(*taken[-1]):
            return taken[-1]
    return min(taken, key=lambda each: each[0].ratio_error / max(each[0].ratio, 1e-9))
