"""Which options are taken, with made-up times and answers."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from samples.trials import LATENCY
from zoo.errors import ArtifactError
from zoo.ncnn.options import Options
from zoo.search.option_search import Answers, Measures, OptionSearch, reason, saves, spoilt
from zoo.search.trials import Fidelity

GOOD = Fidelity(60.0, 1.0, None, 0.9999)
GATES = {"min_sqnr_db": 36.0, "min_cosine": 0.999}
WINOGRAD, SGEMM = "use_winograd_convolution", "use_sgemm_convolution"


class Machine:
    """A machine on which each switch or number of threads multiplies the time by a factor, and changes the
    answers. noise: added to the ratio when a pair is timed again."""

    def __init__(
        self, factors: Mapping[object, float], answers: Mapping[str, Fidelity] | None = None, noise: float = 0
    ) -> None:
        self.factors, self.answers, self.noise = factors, answers or {}, noise
        self.timed: list[tuple[Options, Options]] = []

    def seconds(self, options: Options) -> float:
        seconds = self.factors.get(options.threads, 1.0)
        for name, on in options.switches.items():
            seconds *= self.factors.get((name, on), self.factors.get(name, 1.0))
        return seconds

    def time(self, options: Options, beside: Options):
        again = self.noise if (options, beside) in self.timed else 0.0
        self.timed.append((options, beside))
        ratio = self.seconds(options) / self.seconds(beside) + again
        return replace(LATENCY, ratio=ratio, ratio_error=0.005)

    def judge(self, options: Options) -> Answers:
        found = next((self.answers[name] for name in options.switches if name in self.answers), GOOD)
        return Answers(found, 70.0)

    def search(self, by_hand: Options | None = None, precision: str = "fp32") -> OptionSearch:
        return OptionSearch(precision, by_hand or Options(), GATES, Measures(self.time, self.judge))


def searched(machine: Machine, by_hand: Options | None = None, precision: str = "fp32") -> OptionSearch:
    search = machine.search(by_hand, precision)
    search.switches()
    search.confirm()
    return search


def test_the_choice_that_saves_most_is_taken_and_then_the_next():
    search = searched(Machine({WINOGRAD: 0.9, SGEMM: 0.8}))
    assert search.chosen == Options({SGEMM: False, WINOGRAD: False})
    assert [(each.round, each.name) for each in search.tried if each.taken] == [
        (1, "no sgemm"),
        (2, "no Winograd"),
    ]
    assert search.latency.ratio == pytest.approx(0.72)
    assert reason(search) == "no sgemm, no Winograd: 0.720 (± 0.005) of the time without"


def test_what_does_not_help_is_not_tried_again():
    search = searched(Machine({WINOGRAD: 0.9, SGEMM: 1.2}))
    assert [each.name for each in search.tried if each.round == 2] == []
    assert {each.name: each.ratio for each in search.tried}["no sgemm"] == pytest.approx(1.2)


def test_what_saves_less_than_three_percent_is_left_as_it_is():
    search = searched(Machine({WINOGRAD: 0.98, SGEMM: 1.5}))
    assert search.chosen == Options() and search.latency is None
    assert reason(search) == "none of 3 choices saves 3% of the time"


def test_a_difference_within_the_error_of_the_measurement_is_none():
    assert saves(0.9, 0.01) and not saves(0.9, 0.06) and not saves(0.98, 0.001) and not saves(None, 0)


def test_what_would_bring_the_artifact_below_its_gates_is_not_taken_and_that_is_said():
    coarse = replace(GOOD, sqnr_db=22.0)
    search = searched(
        Machine({"use_bf16_storage": 0.5, SGEMM: 0.9}, {"use_bf16_storage": coarse}), None, "fp16"
    )
    assert search.chosen == Options({SGEMM: False})
    told = (
        "bf16 storage would take 0.50 of the time, but is not taken: sqnr_db would be 22, below min_sqnr_db"
    )
    assert f"{told} 36" in reason(search)


def test_gates_that_are_failed_anyway_refuse_only_what_is_worse():
    usual = Fidelity(30.0, 1.0, None, 0.9999)
    assert spoilt(usual, usual, GATES) == ()
    assert spoilt(replace(usual, sqnr_db=29.0), usual, GATES) != ()
    assert spoilt(replace(usual, sqnr_db=31.0), usual, GATES) == ()


def test_not_a_number_is_refused_whatever_the_gates():
    assert spoilt(replace(GOOD, sqnr_db=-200.0), GOOD, {}) == ("its answers would not be finite",)


def test_a_choice_that_the_artifact_cannot_be_run_with_is_told():
    machine = Machine({SGEMM: 0.9})

    def judge(options: Options) -> Answers:
        if "use_packing_layout" in options.switches:
            raise ArtifactError("the process crashed")
        return machine.judge(options)

    search = OptionSearch("fp32", Options(), GATES, Measures(machine.time, judge))
    search.switches()
    search.confirm()
    assert search.chosen == Options({SGEMM: False})
    assert "no packing is not taken: the process crashed" in reason(search)


def test_what_is_said_by_hand_stays_and_is_not_searched_over():
    by_hand = Options({WINOGRAD: True}, threads=2)
    machine = Machine({(WINOGRAD, False): 0.1, SGEMM: 0.8})
    search = machine.search(by_hand)
    search.switches()
    search.threads(8)
    search.confirm()
    assert search.chosen == Options({WINOGRAD: True, SGEMM: False}, threads=2)
    assert "no Winograd" not in {each.name for each in search.tried}
    assert reason(search).startswith("said by hand: use_winograd_convolution on, 2 threads; no sgemm: 0.800")


def test_a_gain_that_is_not_there_when_it_is_timed_once_more_is_not_taken():
    search = searched(Machine({WINOGRAD: 0.9}, noise=0.1))
    assert search.chosen == Options() and not any(each.taken for each in search.tried)
    assert "timed once more, use_winograd_convolution off took 1.000 (± 0.005) of the time" in reason(search)


@pytest.mark.parametrize(
    ("factors", "cores", "number"),
    [
        ({2: 0.6, 4: 0.4, 8: 0.39}, 8, 4),
        ({2: 0.99}, 8, None),
        ({2: 0.6, 3: 0.4}, 3, 3),
        ({2: 0.5}, 1, None),
    ],
)
def test_threads_are_doubled_as_long_as_that_saves_time(factors, cores, number):
    search = Machine(factors).search()
    search.threads(cores)
    assert search.chosen.threads == number
