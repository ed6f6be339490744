"""Which artifact is the one to ship: every objective, its limits, and what is no candidate."""

from dataclasses import replace

import pytest

from samples.report import ARTIFACTS, benchmark, verification
from zoo.config.records.benchmark import Benchmark, Conditions
from zoo.config.records.best import BestArtifact
from zoo.config.settings import Best, Settings
from zoo.deploy.best import choose
from zoo.errors import ZooError
from zoo.ncnn.options import Options

NAMES = ("fp32", "fp16", "int8")
MS = {name: ARTIFACTS[name][3] for name in NAMES}
"""Share of fp32's time: int8 .59, fp32 1, fp16 1.004."""


def proofs(**failing):
    """Verifications of NAMES; failing: artifact -> its failures."""
    return [verification("net", artifact=name, failures=failing.get(name, ())) for name in NAMES]


def benchmarks(**ratios):
    """Benchmarks of NAMES; ratios: artifact -> its time over fp32's where that is another."""
    found = []
    for name in NAMES:
        made = benchmark("net", artifact=name)
        ratio = ratios.get(name, MS[name])
        latency = tuple(
            replace(entry, ratio=ratio, median_ms=entry.reference.median_ms * ratio) for entry in made.latency
        )
        found.append(replace(made, latency=latency))
    return found


def test_the_fastest_is_chosen_with_the_runner_up():
    best = choose(proofs(), benchmarks(), Best())
    assert (best.artifact, best.device, best.threads) == ("int8", "cpu", 1)
    assert [each.artifact for each in best.contenders] == ["int8", "fp32", "fp16"]
    assert best.reason.startswith("int8 is the fastest of the 3 that can be shipped: 0.59 of fp32's time")
    assert "next is fp32" in best.reason and "slower" not in best.reason
    assert set(best.files) == {"int8.param", "int8.bin"}


def test_int8_that_is_slower_than_fp16_is_not_the_fastest():
    best = choose(proofs(), benchmarks(int8=1.2, fp16=0.9), Best())
    assert [each.artifact for each in best.contenders] == ["fp16", "fp32", "int8"]


def test_times_of_different_processors_are_not_compared():
    timed = benchmarks()
    timed[1] = replace(timed[1], hardware=replace(timed[1].hardware, cpu="another CPU"))
    with pytest.raises(ZooError, match=r"fp16.bench.json on another CPU.* Delete these records"):
        choose(proofs(), timed, Best())


def test_a_board_that_was_slowed_down_for_heat_is_told():
    timed = benchmarks()
    timed[2] = replace(
        timed[2], throughput=None, conditions=Conditions("ondemand", 900, 2400, 84.0, 180, True)
    )
    best = choose(proofs(), timed, Best())
    assert best.reason.endswith("; int8 was timed while the board was slowed down")


def test_the_options_that_it_was_proven_and_timed_with_are_named():
    set_for = Options({"use_winograd_convolution": False}, 2)
    proven, timed = proofs(), benchmarks()
    proven[2], timed[2] = replace(proven[2], options=set_for), replace(timed[2], options=set_for)
    best = choose(proven, timed, Best())
    assert best.options == set_for and [bool(each.options) for each in best.contenders] == [
        True,
        False,
        False,
    ]
    assert ", with use_winograd_convolution off, 2 threads; next is fp32 with" in best.reason
    assert BestArtifact.from_dict(best.to_dict()) == best
    assert choose(proofs(), benchmarks(), Best()).options == Options()


def test_a_benchmark_with_other_options_than_the_proof_is_refused():
    proven = proofs()
    proven[2] = replace(proven[2], options=Options(threads=2))
    with pytest.raises(ZooError, match=r"int8 was timed with .*, and verified with 2 threads; delete int8"):
        choose(proven, benchmarks(), Best())


def test_the_smallest_may_be_slower_and_that_is_said():
    best = choose(proofs(), benchmarks(int8=1.2, fp16=0.8), Best("smallest"))
    assert best.artifact == "int8"
    assert "it is slower than fp16 (0.80), fp32 (1.00)" in best.reason


def test_the_most_faithful_keeps_within_its_limit():
    sizes = {each.artifact: each.bytes for each in choose(proofs(), benchmarks(), Best()).contenders}
    best = choose(proofs(), benchmarks(), Best("most_faithful", max_mb=sizes["fp16"] / 1e6))
    assert best.artifact == "fp16"
    assert [each.artifact for each in best.contenders] == ["fp16", "int8", "fp32"]
    assert "fp32 has" in best.reason
    with pytest.raises(ZooError, match="the most faithful file is fp32"):
        Settings.of({"best": {"objective": "most_faithful"}})


def in_doubt(made: Benchmark) -> Benchmark:
    """A benchmark whose ratio run by run says another thing than its medians."""
    return replace(made, latency=tuple(replace(each, ratio=each.ratio / 3) for each in made.latency))


def test_a_time_in_doubt_makes_nothing_the_fastest():
    timed = benchmarks(fp16=0.9)
    timed[2] = in_doubt(timed[2])
    best = choose(proofs(), timed, Best())
    assert [each.artifact for each in best.contenders] == ["fp16", "fp32", "int8"]
    assert best.contenders[-1].doubt and "int8 with" not in best.reason
    assert best.reason.startswith(
        "fp16 is the fastest of the 2 that can be shipped and whose time is believed"
    )
    assert "the time of int8 is in doubt (0.2 of fp32's time run by run, 0.59 by medians)" in best.reason
    assert best.reason.endswith("delete int8.bench.json to have it timed again")
    assert BestArtifact.from_dict(best.to_dict()) == best
    with pytest.raises(ZooError, match=r"int8 has a time in doubt \(0\.2 of"):
        choose(proofs(), timed, Best(max_latency_ms=1e-3))


def test_where_all_times_are_in_doubt_the_smallest_is_chosen_unless_fp32_is_known():
    timed = [in_doubt(each) for each in benchmarks()]
    best = choose(proofs(), timed, Best())
    assert best.artifact == "fp32", "beside itself it takes its own time, whatever was measured"
    best = choose(proofs(fp32=["it is too coarse"]), timed, Best())
    assert best.reason.startswith("int8 is the smallest of the 2 that can be shipped: 1.")
    assert best.reason.count("in doubt") == 2


def test_a_time_in_doubt_is_nothing_to_a_choice_by_size():
    timed = benchmarks()
    timed[2] = in_doubt(timed[2])
    best = choose(proofs(), timed, Best("smallest"))
    assert best.artifact == "int8" and "doubt" not in best.reason and "slower" not in best.reason


def test_what_fails_its_gates_is_never_shipped():
    best = choose(proofs(int8=["it is too coarse"]), benchmarks(), Best())
    assert best.artifact == "fp32"
    assert best.contenders[-1].failures == ("it is too coarse",)
    assert "int8 fails its gates (it is too coarse)" in best.reason
    with pytest.raises(ZooError, match=r"no artifact can be shipped: fp32 fails .* int8 fails"):
        choose(proofs(fp32=["a"], fp16=["b"], int8=["c"]), benchmarks(), Best())


def test_limits_that_nothing_keeps_are_told_with_what_each_takes():
    with pytest.raises(ZooError, match=r"int8 takes 8\.\d\d ms"):
        choose(proofs(), benchmarks(), Best(max_latency_ms=0.5))


def test_a_device_that_cannot_be_timed_gets_the_smallest_and_says_so():
    best = choose(proofs(), [], Best())
    assert (best.artifact, best.threads) == ("int8", None)
    assert best.reason.startswith("int8 is the smallest of the 3") and best.reason.endswith("not timed")
    with pytest.raises(ZooError, match="nothing is timed on cpu"):
        choose(proofs(), [], Best(max_latency_ms=5))


def test_a_benchmark_of_another_file_or_none_is_refused():
    with pytest.raises(ZooError, match=r"int8 was not timed; build int8\.bench\.json"):
        choose(proofs(), benchmarks()[:2], Best())
    other = [replace(each, hashes={"int8.bin": "another"}) if each.artifact == "int8" else each
             for each in benchmarks()]  # fmt: skip
    with pytest.raises(ZooError, match=r"int8 was timed when it was another file; delete int8\.bench\.json"):
        choose(proofs(), other, Best())


def test_all_threads_are_those_of_the_longest_benchmark():
    timed = benchmarks()
    most = max(entry.threads for entry in timed[0].latency)
    assert choose(proofs(), timed, Best(threads="all")).threads == most
