"""Whether a latency can be believed: a machine that was busy for a moment leaves figures that contradict each
other."""

import math

from zoo.config.records.benchmark import Benchmark, TimedLatency

LARGEST_ERROR = 0.1
"""Standard error of a ratio, over the ratio."""
APART = 1.25
"""So many times apart, two figures that ought to be equal are not."""


def doubt(timed: TimedLatency, beside_itself: bool = False) -> str | None:
    """Why the ratio to the reference cannot be believed, in words; None if it can.

    beside_itself: whether the reference is the same file, run in the same way, so that the ratio is 1 but for
    noise.
    """
    of_medians = timed.median_ms / timed.reference.median_ms
    name = timed.reference.artifact
    if beside_itself and _apart(timed.ratio, 1):
        return f"beside itself it took {timed.ratio:.2g} of its own time"
    if _apart(timed.ratio, of_medians):
        return f"{timed.ratio:.2g} of {name}'s time run by run, {of_medians:.2g} by medians"
    if timed.ratio_error > LARGEST_ERROR * timed.ratio:
        return f"{timed.ratio:.2g} of {name}'s time, give or take {timed.ratio_error:.2g}"
    return None


def doubts(benchmark: Benchmark) -> dict[int, str]:
    """Thread count -> why the time with so many cannot be believed, of those that cannot; none on a software
    GPU, whose times say nothing anyway."""
    if benchmark.runtime.software_gpu:
        return {}
    found = {
        timed.threads: doubt(timed, timed.reference.artifact == benchmark.artifact and not benchmark.options)
        for timed in benchmark.latency
    }
    return {threads: why for threads, why in found.items() if why}


def _apart(one: float, other: float) -> bool:
    return one <= 0 or other <= 0 or abs(math.log(one / other)) > math.log(APART)
