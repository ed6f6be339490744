"""Times that contradict themselves are taken again. No clock is read here: the times are made up."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from samples.report import benchmark
from zoo.config.records.benchmark import TimedLatency
from zoo.config.records.steadiness import doubt
from zoo.measure.retakes import TRIES, until_believed

GOOD = benchmark("net", artifact="int8", ratio=0.6).latency[0]


def taking(figures: Iterable[TimedLatency]) -> tuple[Callable, list[int]]:
    """What takes these times in turn, and the numbers of those that it took."""
    turns, taken = enumerate(figures), []

    def take() -> tuple[TimedLatency, int]:
        turn, timed = next(turns)
        taken.append(turn)
        return timed, turn

    return take, taken


def believed(timed: TimedLatency, _: int) -> bool:
    return not doubt(timed)


def test_a_time_that_can_be_believed_is_taken_once():
    take, taken = taking([GOOD])
    assert until_believed(take, believed) == (GOOD, 0) and taken == [0]


def test_one_in_doubt_is_taken_again_and_the_first_that_is_believed_counts():
    outlier = replace(GOOD, ratio=0.15)
    take, taken = taking([outlier, GOOD, outlier])
    assert until_believed(take, believed) == (GOOD, 1) and taken == [0, 1]


def test_where_all_are_in_doubt_the_one_that_is_known_best_stays_so():
    errors = (0.4, 0.2, 0.3, 0.0)
    take, taken = taking(replace(GOOD, ratio_error=error) for error in errors)
    timed, turn = until_believed(take, believed)
    assert (timed.ratio_error, turn) == (0.2, 1) and doubt(timed)
    assert taken == list(range(TRIES)), "a machine that stays busy is not waited for"


def test_what_was_taken_beside_it_can_make_it_believed():
    wild = replace(GOOD, ratio=9.0)
    take, taken = taking([wild, wild])
    assert until_believed(take, lambda timed, turn: turn == 0) == (wild, 0) and taken == [0]
