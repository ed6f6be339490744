"""The search for the int8 recipe of a model: what was measured of each candidate, and which one is taken."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from zoo.config.settings import BALANCED, FASTEST, MOST_FAITHFUL, SMALLEST, preference
from zoo.errors import ZooError
from zoo.search.outcome import Candidate, SearchOutcome, SearchResult
from zoo.search.trials import Trial

SMALL, FAST = 1.05, 1.03
"""What is within this factor of the smallest counts as small, within that of the fastest as fast."""

COMPARISONS = ("plain", "mse")
"""Candidates that do what other tools do. The others compute the same and more faithfully, so that one of
these is taken only if no other meets the target: a chance of the clock is not to decide for it."""

MOSTLY = 0.85
"""A model counts as int8 with this share of its multiply-adds in int8."""

TIMING_TOLERANCE = 1.02
"""A ratio of latencies up to this is not called slower: medians of two runs differ by about as much."""

_NEAREST = 3  # candidates that a failure names

_TARGETS = {
    "min_sqnr_db": "an SQNR of at least {:g} dB",
    "max_top1_drop": "at most {:g} points of top-1 lost",
    "min_speedup": "a speedup over fp32 of at least {:g}",
    "max_mb": "at most {:g} MB",
}


def search(
    trials: Sequence[Trial],
    references: Sequence[Trial],
    target: Mapping[str, float],
    gates: Mapping[str, float] = MappingProxyType({}),
    objective: str = BALANCED,
) -> SearchResult:
    """What is chosen, and why.

    target: `min_sqnr_db`, `max_top1_drop` (points; without labels, images that change their class count as
    lost), `min_speedup` (over fp32; of those that were timed), `max_mb`. objective: see `choose`. `chosen` is
    the name of the candidate that is taken, None if none meets the target; `failures` then says so and lists
    the nearest. gates: such as verification will hold the file to, on other images; of the candidates that
    meet the target, those that meet these here come first, and where none does the choice is left as it is:
    verification is the judge.
    Raises ZooError for an unknown target or if there are no candidates.
    """
    if not trials:
        raise ZooError("the search has no candidates")
    if unknown := sorted(set(target) - set(_TARGETS)):
        raise ZooError(f"unknown target {', '.join(unknown)}; known are {', '.join(_TARGETS)}")
    if "max_top1_drop" in target and trials[0].agreement is None:
        raise ZooError(
            "max_top1_drop is a target for classifiers; ask for min_sqnr_db (config.yaml: int8: target)"
        )
    meeting = [trial for trial in trials if not _shortfall(trial, target)]
    passing = [trial for trial in meeting if passes(trial, gates)]
    refined = [trial for trial in passing or meeting if trial.name not in COMPARISONS]
    eligible = refined or passing or meeting
    chosen = choose(eligible, objective) if eligible else None
    return SearchResult(
        target=dict(target),
        chosen=chosen.name if chosen else None,
        failures=() if chosen else (_failure(trials, target),),
        candidates=tuple(
            Candidate(**vars(trial), front=is_on_front(trial, trials), meets=trial in meeting)
            for trial in trials
        ),
        references=tuple(references),
        objective=objective,
        reason=reason(chosen, eligible, objective) if chosen else "",
    )


def summary(outcome: SearchOutcome) -> list[str]:
    """What a person should know of a search that chose, in sentences: what it got, and where it is slower."""
    taken = outcome.taken
    assert taken is not None
    agreement = "" if taken.agreement is None else f", {100 * taken.agreement:.1f} % agreement"
    speed = "not timed" if taken.speedup is None else f"{taken.speedup:.2f} times as fast as fp32"
    sentences = [
        f"{taken.name} of {len(outcome.candidates)} candidates: {taken.sqnr_db:.1f} dB{agreement} on "
        f"{outcome.images} held-out images, {speed}, {taken.bytes / 1e6:.2f} MB"
    ]
    if outcome.reason and len(outcome.candidates) > 1:
        sentences.append(outcome.reason)
    if slower := slower_than(outcome):
        names = " and ".join(f"{name} ({ratio:.2f} times)" for name, ratio in slower.items())
        sentences.append(f"slower than {names}: on this device int8 saves space, not time")
    return sentences


def slower_than(result: SearchResult) -> dict[str, float]:
    """The references, fp32 and fp16, that are faster than what a search chose, and how many times."""
    taken = result.taken
    if taken is None or taken.speedup is None:
        return {}
    return {
        reference.name: reference.speedup / taken.speedup
        for reference in result.references
        if reference.speedup is not None and reference.speedup > TIMING_TOLERANCE * taken.speedup
    }


def choose(trials: Sequence[Trial], objective: str = BALANCED) -> Trial:
    """The fastest, the smallest or the most faithful of those that are mostly int8; by default, `balanced`,
    the most faithful of those that are small, mostly int8, and of these fast.

    Small: within `SMALL` of the smallest. Mostly int8: `MOSTLY` of the multiply-adds, or nearly as many as
    any has. Fast: within `FAST` of the fastest of these, as far as their measurements can tell; where nothing
    was timed, all are. None that is taken is beaten by another of these in every figure that its objective is
    about.
    """
    if objective == BALANCED:
        smallest = min(trial.bytes for trial in trials)
        kept = mostly_int8([trial for trial in trials if trial.bytes <= smallest * SMALL])
        fastest = max(_speed(trial) / (1 + trial.error) for trial in kept)
        kept = [trial for trial in kept if fastest <= _speed(trial) * (1 + trial.error) * FAST]
        return max(kept, key=lambda trial: (trial.sqnr_db, trial.agreed, _speed(trial)))
    return min(
        mostly_int8(trials),
        key=lambda trial: preference(objective, trial.sqnr_db, trial.bytes, trial.time_ratio),
    )


def mostly_int8(trials: Sequence[Trial]) -> list[Trial]:
    """Those with `MOSTLY` of the multiply-adds in int8, or nearly as many as any has."""
    least = mostly(max(trial.int8_multiply_adds for trial in trials))
    return [trial for trial in trials if trial.int8_multiply_adds >= least]


def reason(chosen: Trial, trials: Sequence[Trial], objective: str) -> str:
    """One sentence: why that one of these was chosen, and what was given up with another."""
    others = [trial for trial in trials if trial.name != chosen.name]
    timed = chosen.speedup is not None
    what = SMALLEST if objective == FASTEST and not timed else objective
    is_what = "most faithful of those that are small" + (" and fast" if timed else "")
    is_what = is_what if objective == BALANCED else what.replace("_", " ")
    text = f"{chosen.name} is the {is_what} of {len(trials)} that can be taken"
    if objective == MOST_FAITHFUL:
        others = [trial for trial in others if trial.bytes < chosen.bytes or _speed(trial) > _speed(chosen)]
        other = max(others, key=lambda trial: (trial.sqnr_db, -trial.bytes), default=None)
    else:
        others = [trial for trial in others if trial.sqnr_db > chosen.sqnr_db]
        other = max(others, key=lambda trial: trial.sqnr_db, default=None)
    if other is None:
        return f"{text}, and nothing was given up for it"
    difference = other.sqnr_db - chosen.sqnr_db
    parts = [f"{abs(difference):.1f} dB {'better' if difference > 0 else 'worse'}"]
    parts.append(_compared(other.bytes / chosen.bytes, 1.005, ("larger", "smaller", "as large")))
    if timed:
        slower = ("slower", "faster", "as fast")
        parts.append(_compared(_speed(chosen) / _speed(other), TIMING_TOLERANCE, slower))
    limit = f"; {_why_not(other, trials)}" if objective == BALANCED else ""
    return f"{text}; {other.name} is {', '.join(parts[:-1])} and {parts[-1]}{limit}"


def _compared(ratio: float, tolerance: float, words: tuple[str, str, str]) -> str:
    """A ratio in words: more, less or the same."""
    more, less, same = words
    if ratio > tolerance:
        return f"{100 * (ratio - 1):.0f} % {more}"
    return f"{100 * (1 - ratio):.0f} % {less}" if ratio < 1 / tolerance else same


def _why_not(other: Trial, trials: Sequence[Trial]) -> str:
    """The limit of `balanced` that a more faithful candidate does not keep to."""
    smallest = min(trial.bytes for trial in trials)
    small = [trial for trial in trials if trial.bytes <= smallest * SMALL]
    if other not in small:
        larger, limit = (100 * (ratio - 1) for ratio in (other.bytes / smallest, SMALL))
        return f"it is {larger:.0f} % larger than the smallest, the limit is {limit:.0f} %"
    if other not in mostly_int8(small):
        share = 100 * other.int8_multiply_adds
        return f"{share:.0f} % of its multiply-adds are int8, the limit is {100 * MOSTLY:.0f} %"
    fastest = max(map(_speed, mostly_int8(small)))
    return f"it takes {fastest / _speed(other):.2f} times the time of the fastest, the limit is {FAST}"


def _speed(trial: Trial) -> float:
    """Its speedup; all of those that were not timed are as fast."""
    return 1.0 if trial.speedup is None else trial.speedup


def passes(trial: Trial, gates: Mapping[str, float]) -> bool:
    """Whether a trial meets the gates, by what was measured of it; of others verification tells."""
    measured = {
        "min_cosine": trial.min_cosine,
        "min_sqnr_db": trial.sqnr_db,
        "min_top1_agreement": trial.agreement,
    }
    return all(value is None or value >= gates.get(gate, -math.inf) for gate, value in measured.items())


def but_for_one_image(gates: Mapping[str, float], images: int) -> dict[str, float]:
    """Gates for what was measured on so few images that one of them may decide on agreement.

    The least agreement, a share of 0 to 1, is lower by one image of `images`: of 25 at .97, one may change
    its first class, which says nothing yet of 97 in 100; a candidate of less SQNR that kept it by chance is
    not to be taken for it. Verification, on more images, is held to the gate itself.
    """
    agreement = "min_top1_agreement"
    lower = {agreement: gates[agreement] - (1 + 1e-9) / images} if agreement in gates else {}
    return {**gates, **lower}


def mostly(share: float) -> float:
    """The least share of multiply-adds in int8 where `share` is the most that can be."""
    return min(MOSTLY, 0.95 * share)


def is_on_front(trial: Trial, trials: Sequence[Trial]) -> bool:
    """Whether no other trial dominates this one."""
    own = _objectives(trial)
    return not any(
        all(theirs >= mine for theirs, mine in zip(other, own, strict=True)) and other != own
        for other in map(_objectives, trials)
    )


def _objectives(trial: Trial) -> tuple[float, ...]:
    return trial.sqnr_db, trial.agreed, _speed(trial), -trial.bytes


def _shortfall(trial: Trial, target: Mapping[str, float]) -> float:
    """How far the trial is from the target, 0 if it meets it: the largest gap, each in its own measure.

    Ten points of top-1, 20 dB and a factor e of speed or of size count alike.
    """
    gaps = [0.0]
    if "min_sqnr_db" in target:
        gaps.append((target["min_sqnr_db"] - trial.sqnr_db) / 20)
    if "max_top1_drop" in target:
        gaps.append((trial.drop - target["max_top1_drop"]) / 10)
    if "min_speedup" in target and trial.speedup is not None:
        gaps.append(math.log(target["min_speedup"] / trial.speedup))
    if "max_mb" in target:
        gaps.append(math.log(trial.bytes / 1e6 / target["max_mb"]))
    return max(gaps)


def _failure(trials: Sequence[Trial], target: Mapping[str, float]) -> str:
    wanted = ", ".join(_TARGETS[name].format(limit) for name, limit in target.items())
    nearest = sorted(trials, key=lambda trial: _shortfall(trial, target))[:_NEAREST]
    points = "; ".join(
        f"{trial.name} ({trial.sqnr_db:.1f} dB{_lost(trial)}, {_timed(trial)}, {trial.bytes / 1e6:.2f} MB)"
        for trial in nearest
    )
    return f"no candidate of {len(trials)} meets the target ({wanted}); the nearest are {points}"


def _timed(trial: Trial) -> str:
    return "not timed" if trial.speedup is None else f"speedup {trial.speedup:.2f}"


def _lost(trial: Trial) -> str:
    if trial.agreement is None:
        return ""
    if trial.top1_drop is None:
        return f", {100 * trial.agreement:.1f} % agreement"
    return f", {trial.top1_drop:.2f} points lost"
