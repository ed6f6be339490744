"""Which int8 candidate is taken, which are on the Pareto front, and what is said if none will do."""

import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.search.choice import but_for_one_image, choose, search, summary
from zoo.search.outcome import SearchOutcome
from zoo.search.trials import Trial

PLAIN = Trial("plain", 30.0, 0.9, None, 1000, 1.0, 0.95, 10.0, 2.0)
SMALL_GAIN = replace(PLAIN, name="better", sqnr_db=35.0, bytes=1040, speedup=1.96)
LARGE = replace(PLAIN, name="large", sqnr_db=45.0, agreement=1.0, bytes=1500, speedup=1.9)
SLOW = replace(PLAIN, name="slow", sqnr_db=50.0, agreement=1.0, speedup=1.2)
WORSE = replace(PLAIN, name="worse", sqnr_db=20.0, speedup=1.8, bytes=1100)
TRIALS = [PLAIN, SMALL_GAIN, LARGE, SLOW, WORSE]


def names(outcome, key):
    return [candidate.name for candidate in outcome.candidates if getattr(candidate, key)]


def outcome_of(result):
    return SearchOutcome(model="net", device="cpu", artifact="int8", images=32, **vars(result))


def test_without_a_target_the_most_faithful_of_the_small_and_fast_is_taken():
    assert choose(TRIALS) == SMALL_GAIN
    outcome = search(TRIALS, [], {})
    assert outcome.chosen == "better" and outcome.failures == ()
    assert names(outcome, "meets") == [trial.name for trial in TRIALS]


def test_where_nothing_is_timed_size_and_what_is_int8_decide_and_the_record_says_so():
    untimed = [replace(trial, latency_ms=None, speedup=None) for trial in TRIALS]
    small = replace(untimed[0], name="hardly", sqnr_db=60.0, int8_multiply_adds=0.5)
    assert choose([*untimed, small]).name == "slow", "most faithful of the small that are mostly int8"
    result = search([*untimed, small], [replace(untimed[0], name="fp32")], {"min_sqnr_db": 40})
    sentence, why = summary(outcome_of(result))
    assert "not timed" in sentence and "as fast" not in sentence + why
    failed = search(untimed, [], {"min_sqnr_db": 70})
    assert failed.chosen is None and "slow (50.0 dB, 100.0 % agreement, not timed" in failed.failures[0]
    assert {each.front for each in result.candidates} == {True, False}


GATES = {"min_cosine": 0.99, "min_sqnr_db": 20.0, "min_top1_agreement": 0.97, "max_db_below_search": 3.0}


@pytest.mark.parametrize(
    ("better", "large", "chosen"),
    [
        ({"min_cosine": 0.98, "agreement": 1.0}, {"min_cosine": 0.999}, "large"),
        ({"min_cosine": 0.999, "agreement": 0.96}, {"min_cosine": 0.999}, "large"),
        ({"min_cosine": 0.999, "agreement": 1.0}, {"min_cosine": 0.999}, "better"),
        # one that is no classifier, and a record of before cosines were measured
        ({"min_cosine": 0.999, "agreement": None}, {"min_cosine": 0.999, "agreement": None}, "better"),
        ({"min_cosine": None, "agreement": 1.0}, {"min_cosine": 0.999}, "better"),
        # where none would pass, verification says so of what is chosen otherwise
        ({"min_cosine": 0.98, "agreement": 1.0}, {"min_cosine": 0.97}, "better"),
    ],
)
def test_what_meets_the_gates_of_verification_on_the_images_at_hand_comes_first(better, large, chosen):
    trials = [replace(SMALL_GAIN, **better), replace(LARGE, **large)]
    assert search(trials, [], {}, GATES).chosen == chosen
    assert search(trials, [], {}).chosen == "better"


@pytest.mark.parametrize(
    ("images", "changed", "chosen"),
    [(25, 1, "better"), (25, 2, "large"), (100, 4, "better"), (100, 5, "large"), (8, 1, "better")],
)
def test_one_image_of_a_few_takes_no_candidate_from_the_choice(images, changed, chosen):
    trials = [
        replace(SMALL_GAIN, min_cosine=0.999, agreement=1 - changed / images),
        replace(LARGE, min_cosine=0.999),
    ]
    assert search(trials, [], {}, but_for_one_image(GATES, images)).chosen == chosen
    assert but_for_one_image({"min_cosine": 0.99}, images) == {"min_cosine": 0.99}


def test_where_the_fastest_and_the_smallest_differ_size_decides():
    assert choose([LARGE, SLOW]) == SLOW


def test_speeds_that_cannot_be_told_apart_count_as_the_same():
    quick, faithful = replace(PLAIN, speedup=2.5), replace(SMALL_GAIN, speedup=2.1)
    assert choose([quick, faithful]) == quick
    blurred = [replace(trial, error=0.1) for trial in (quick, faithful)]
    assert choose(blurred) == blurred[1]


def test_what_other_tools_do_is_taken_only_if_nothing_else_will_do():
    lucky = replace(PLAIN, speedup=9.0)
    assert search([lucky, SMALL_GAIN], [], {}).chosen == "better"
    assert search([lucky, SMALL_GAIN], [], {"min_speedup": 5}).chosen == "plain"


def test_what_is_hardly_int8_is_not_taken_if_it_can_be_helped():
    half = replace(SMALL_GAIN, int8_multiply_adds=0.5)
    assert choose([PLAIN, half]) == PLAIN
    depthwise = [replace(trial, int8_multiply_adds=0.45) for trial in (PLAIN, SMALL_GAIN)]
    assert choose(depthwise) == depthwise[1], "where half is the most that can be, half is enough"


@pytest.mark.parametrize(
    ("target", "chosen"),
    [
        ({"min_sqnr_db": 40}, "slow"),
        ({"min_sqnr_db": 46}, "slow"),
        ({"min_sqnr_db": 40, "min_speedup": 1.5}, "large"),
        ({"min_speedup": 2}, "plain"),
        ({"max_top1_drop": 10}, "better"),
        ({"max_top1_drop": 5}, "slow"),
    ],
)
def test_a_target_leaves_those_that_meet_it(target, chosen):
    assert search(TRIALS, [], target).chosen == chosen


def test_labels_tell_a_drop_from_a_change():
    labelled = replace(PLAIN, top1_drop=0.2)
    assert search([labelled], [], {"max_top1_drop": 0.3}).chosen == "plain"
    assert search([labelled], [], {"max_top1_drop": 0.1}).chosen is None


def test_a_target_out_of_reach_names_the_nearest_candidates():
    outcome = search(TRIALS, [], {"min_sqnr_db": 48, "min_speedup": 1.8, "max_top1_drop": 3})
    assert outcome.chosen is None and names(outcome, "meets") == []
    (failure,) = outcome.failures
    assert failure.startswith(
        "no candidate of 5 meets the target (an SQNR of at least 48 dB, a speedup over fp32 of at least 1.8, "
        "at most 3 points of top-1 lost); the nearest are large (45.0 dB, 100.0 % agreement, speedup 1.90, "
    )
    assert "slow" in failure and "worse" not in failure


def test_the_front_holds_what_nothing_dominates():
    outcome = search(TRIALS, [SLOW], {})
    assert names(outcome, "front") == ["plain", "better", "large", "slow"]
    assert [each.name for each in outcome.references] == ["slow"]


def test_equal_candidates_are_both_on_the_front():
    assert names(search([PLAIN, replace(PLAIN, name="twin")], [], {}), "front") == ["plain", "twin"]


def test_what_is_slower_is_said_in_words():
    fp16 = replace(PLAIN, name="fp16", speedup=2.5)
    outcome = outcome_of(search([PLAIN], [replace(fp16, name="fp32", speedup=1.0), fp16], {}))
    first, second = summary(outcome)
    assert first == (
        "plain of 1 candidates: 30.0 dB, 90.0 % agreement on 32 held-out images, 2.00 times as fast as fp32, "
        "0.00 MB"
    )
    assert second == "slower than fp16 (1.25 times): on this device int8 saves space, not time"
    assert len(summary(outcome_of(search([PLAIN], [replace(fp16, speedup=2.01)], {})))) == 1


def test_why_it_was_chosen_is_said_where_there_was_a_choice():
    outcome = outcome_of(search(TRIALS, [], {}))
    assert outcome.reason in summary(outcome)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ZooError, match="unknown target min_speed; known are min_sqnr_db"):
        search(TRIALS, [], {"min_speed": 1})
    with pytest.raises(ZooError, match="no candidates"):
        search([], [], {})


# By an objective


@pytest.mark.parametrize(
    ("objective", "chosen"),
    [("balanced", "better"), ("fastest", "better"), ("smallest", "slow"), ("most_faithful", "slow")],
)
def test_the_objective_decides_among_those_that_can_be_taken(objective, chosen):
    trials = [
        *TRIALS,
        replace(SLOW, name="hardly", int8_multiply_adds=0.5, sqnr_db=90.0, speedup=9.0),
    ]
    faithful = replace(SMALL_GAIN, name="quick", speedup=1.99)
    assert search(trials, [], {}, objective=objective).chosen == chosen
    among = [each for each in trials if each.name != "plain"]
    assert search([*among, faithful], [], {}, objective="fastest").chosen == "quick"
    assert search(trials, [], {}, objective="most_faithful").objective == "most_faithful"


def test_what_is_not_timed_is_fast_if_it_is_small():
    untimed = [replace(trial, latency_ms=None, speedup=None) for trial in TRIALS]
    result = search(untimed, [], {}, objective="fastest")
    assert result.chosen == "slow" and result.reason.startswith("slow is the smallest of 4 that can be taken")


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("objective", ["balanced", "fastest", "smallest", "most_faithful"])
def test_what_is_beaten_in_every_figure_of_the_objective_is_never_taken(objective, timed):
    draw = np.random.default_rng(0)
    figures = {
        "balanced": lambda each: (each.sqnr_db, -each.bytes, each.speedup or 0),
        "fastest": lambda each: (each.speedup or -each.bytes,),
        "smallest": lambda each: (-each.bytes,),
        "most_faithful": lambda each: (each.sqnr_db,),
    }[objective]
    for _ in range(200):
        trials = [
            replace(
                PLAIN,
                name=f"c{number}",
                sqnr_db=float(draw.integers(30, 50)),
                bytes=int(draw.integers(1000, 1100)),
                speedup=float(draw.uniform(1, 2)) if timed else None,
                latency_ms=5.0 if timed else None,
                error=float(draw.uniform(0, 0.05)),
            )
            for number in range(8)
        ]
        taken = choose(trials, objective)
        rest = [figures(each) for each in trials if each is not taken]
        own = figures(taken)
        if objective == "balanced" and not timed:
            own, rest = own[:2], [each[:2] for each in rest]
        assert not any(all(a > b for a, b in zip(other, own, strict=True)) for other in rest)


def test_the_reason_says_what_was_given_up_and_which_limit_it_is_that_was_not_kept():
    assert search(TRIALS, [], {}).reason == (
        "better is the most faithful of those that are small and fast of 4 that can be taken; slow is "
        "15.0 dB better, 4 % smaller and 63 % slower; it takes 1.63 times the time of the fastest, the limit "
        "is 1.03"
    )
    assert search([PLAIN, SMALL_GAIN, LARGE], [], {}).reason.endswith(
        "large is 10.0 dB better, 44 % larger and 3 % slower; it is 44 % larger than the smallest, the limit "
        "is 5 %"
    )
    half = replace(SMALL_GAIN, name="half", sqnr_db=60.0, int8_multiply_adds=0.5)
    assert search([SMALL_GAIN, half], [], {}).reason.endswith(
        "half is 25.0 dB better, as large and as fast; 50 % of its multiply-adds are int8, the limit is 85 %"
    )
    assert search(TRIALS, [], {}, objective="most_faithful").reason == (
        "slow is the most faithful of 4 that can be taken; large is 5.0 dB worse, 50 % larger and 37 % faster"
    )
    assert search([SLOW, LARGE], [], {}, objective="fastest").reason == (
        "large is the fastest of 2 that can be taken; slow is 5.0 dB better, 33 % smaller and 58 % slower"
    )


def test_a_file_that_is_too_large_misses_the_target():
    kept = search(TRIALS, [], {"max_mb": 0.00102}, objective="most_faithful")
    assert kept.chosen == "slow" and names(kept, "meets") == ["plain", "slow"]
    assert "at most 1e-06 MB" in search(TRIALS, [], {"max_mb": 1e-6}).failures[0]


# What is no classifier


VECTORS = [replace(trial, agreement=None) for trial in TRIALS]


def test_without_agreement_the_other_figures_choose():
    assert choose(VECTORS).name == "better"
    for target, chosen in [({}, "better"), ({"min_sqnr_db": 40, "min_speedup": 1.5}, "large")]:
        outcome = search(VECTORS, [], target)
        assert outcome.chosen == chosen and SearchOutcome.from_dict(
            json.loads(json.dumps(outcome_of(outcome).to_dict()))
        ) == outcome_of(outcome)
    assert names(search(VECTORS, [], {}), "front") == ["plain", "better", "large", "slow"]


def test_without_agreement_no_sentence_speaks_of_it():
    (failure,) = search(VECTORS, [], {"min_sqnr_db": 48, "min_speedup": 1.8}).failures
    assert "large (45.0 dB, speedup 1.90, 0.00 MB)" in failure and "agreement" not in failure
    assert summary(outcome_of(search(VECTORS[:1], [], {}))) == [
        "plain of 1 candidates: 30.0 dB on 32 held-out images, 2.00 times as fast as fp32, 0.00 MB",
    ]


def test_a_drop_in_top1_is_no_target_of_what_is_no_classifier():
    with pytest.raises(ZooError, match=r"max_top1_drop is a target for classifiers; ask for min_sqnr_db"):
        search(VECTORS, [], {"max_top1_drop": 1})


def test_the_recipe_that_was_chosen_is_named_or_why_none_was():
    assert outcome_of(search(TRIALS, [], {})).chosen_or_raise("int8.search.json") == "better"
    with pytest.raises(ZooError, match=r"^no candidate of 5 .*\. Relax the target .*, or see int8\.search"):
        outcome_of(search(TRIALS, [], {"min_speedup": 100})).chosen_or_raise("int8.search.json")
