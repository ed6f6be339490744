"""A build as it is watched."""

import json

import pytest

from zoo.config.records.kept_trials import CLOSENESS, LATENCY
from zoo.jobs.kept import Kept
from zoo.terminal.stages import Job
from zoo.terminal.watched import Watched


class Clock:
    """Time that goes on when told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


TRIALS = Job("trials", {"device": "cpu", "model": "net"})
FP32 = Job("ncnn_fp32", {"device": "cpu", "model": "net"})
VERIFY = [Job("verify", {"device": "cpu", "model": "net", "artifact": name}) for name in ("fp32", "int8")]


def test_a_stage_has_its_line_once_all_of_it_has_ended(clock, tmp_path):
    watched = Watched(clock)
    assert watched.plan([FP32, *VERIFY], 2, tmp_path) == ["3 jobs for 1 model"]
    watched.begin(1, FP32)
    clock.now = 12.0
    assert [line.split() for line in watched.end(1)] == [["✓", "cpu/net", "export", "12", "s"]]
    watched.begin(2, VERIFY[0])
    assert watched.end(2) == []
    watched.begin(3, VERIFY[1])
    assert watched.live(80).startswith("cpu/net verify int8 2 of 2 · 1 job to go")
    clock.now = 15.0
    assert "3 s, 2 jobs" in watched.end(3)[0]
    assert watched.live(80) == ""


@pytest.mark.parametrize("job", [TRIALS, Job("trials_on_target", {"target": "pi5", "model": "net"})])
def test_candidates_are_counted_out_of_those_decided_on(clock, tmp_path, monkeypatch, job):
    """Those of a target are the CPU's."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/cpu/net/search"
    folder.mkdir(parents=True)
    (folder / "candidates.json").write_text(json.dumps({name: {} for name in "ab"}))
    watched = Watched(clock)
    watched.plan([job], 1, tmp_path)
    watched.begin(1, job)
    kept = Kept(tmp_path / f"results/{job.place}/search/trials.json", "key")
    for kind in (CLOSENESS, LATENCY):
        what = "candidate" if kind == CLOSENESS else "latency"
        for number, name in enumerate("ab", 1):
            assert watched.live(80).startswith(f"{job.place} {what} {number} of 2 · 1 job to go")
            kept.keep({f"{name}: {kind}": {}})
    assert watched.live(80).startswith(f"{job.place} candidates ·")


def test_the_time_left_is_by_earlier_builds_and_goes_down_while_a_job_runs(clock, tmp_path):
    record = tmp_path / "logs/ncnn_fp32/cpu/net.benchmark.tsv"
    record.parent.mkdir(parents=True)
    record.write_text("s\trule_name\n600\tncnn_fp32\n")
    watched = Watched(clock)
    assert watched.plan([FP32], 1, tmp_path) == ["1 job for 1 model, about 10 min by earlier builds"]
    watched.begin(1, FP32)
    assert watched.live(80).endswith("about 10 min left")
    clock.now = 300.0
    assert watched.live(80).endswith("about 5 min left")
    clock.now = 900.0
    assert watched.live(80).endswith("about 10 s left"), "it took longer than before"


def test_the_changing_line_fits_the_terminal(clock, tmp_path):
    watched = Watched(clock)
    jobs = [Job("bench", {"device": "cpu", "model": f"a_model_{index}"}) for index in range(9)]
    watched.plan(jobs, 9, tmp_path)
    for number, job in enumerate(jobs):
        watched.begin(number, job)
    for width in (40, 80, 200):
        assert len(watched.live(width)) <= width
    assert watched.live(60).endswith("9 jobs to go · 0 s")


def test_a_failed_job_is_told_and_its_stage_again_when_it_succeeds(clock, tmp_path):
    watched = Watched(clock)
    watched.plan([FP32], 1, tmp_path)
    watched.begin(1, FP32)
    assert watched.fail(1, "ncnn_fp32 cpu/net", None)[0].startswith("✗ cpu/net")
    lines = watched.close(tmp_path)
    assert lines[1].startswith("Failed in") and "  ncnn_fp32 cpu/net: it left no log" in lines


def test_an_interrupted_build_ends_with_a_sentence(clock, tmp_path):
    watched = Watched(clock)
    watched.plan([FP32], 1, tmp_path)
    watched.begin(1, FP32)
    watched.interrupted = True
    clock.now = 20.0
    assert watched.close(tmp_path) == [
        "Interrupted after 20 s: nothing is half written; the same command goes on from here."
    ]


def test_nothing_is_said_where_nothing_ran(clock, tmp_path):
    assert Watched(clock).close(tmp_path) == []


def test_a_job_that_is_tried_again_has_not_failed(clock, tmp_path):
    watched = Watched(clock)
    watched.plan([FP32], 1, tmp_path)
    watched.begin(1, FP32)
    watched.fail(1, "ncnn_fp32 cpu/net", None)
    watched.begin(1, FP32)
    assert watched.end(1)[0].startswith("✓ cpu/net") and watched.failures == []
    assert watched.close(tmp_path)[1].startswith("Built in")


def test_a_job_that_did_not_run_after_all_waits_again_and_counts_never_go_back(clock, tmp_path):
    watched = Watched(clock)
    assert watched.counted() == "0"
    watched.plan([FP32, *VERIFY], 2, tmp_path)
    for number, job in enumerate((FP32, *VERIFY)):
        watched.begin(number, job)
    assert watched.counted() == "3 of 3"
    watched.leave(1)
    watched.leave(7)
    assert watched.counted() == "3 of 3" and not watched.failures
    watched.begin(1, VERIFY[0])
    assert watched.counted() == "3 of 3"
    watched.end(1)
    assert "2 jobs" in watched.end(2)[0], "both are told of once they have ended"
