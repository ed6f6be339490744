"""Jobs as lines: a stage of a place each."""

import re

from samples.workflow import PROJECT
from zoo.terminal.stages import STAGES, Job, Stages

VERIFY = [Job("verify", {"device": "cpu", "model": "net", "artifact": name}) for name in ("fp32", "fp16")]


def test_a_job_knows_its_place_stage_and_item():
    assert (VERIFY[0].place, VERIFY[0].stage, VERIFY[0].item) == ("cpu/net", "verify", "fp32")
    there = Job("trials_on_target", {"target": "pi5", "model": "net"})
    assert (there.place, there.stage, there.item) == ("pi5/net", "search", "")
    assert (Job("weights", {"model": "net"}).place, Job("report").place) == ("net", "")
    assert Job("keep_baseline").stage == "keep baseline"


def test_every_rule_of_a_stage_is_a_rule():
    rules = {
        name
        for path in (PROJECT / "rules").glob("*.smk")
        for name in re.findall(r"^(?:rule|checkpoint) (\w+)", path.read_text(), re.MULTILINE)
    }
    assert {rule for names in STAGES.values() for rule in names} <= rules


def test_a_line_is_complete_when_all_that_was_planned_has_ended():
    stages = Stages()
    for job in VERIFY:
        stages.plan(job)
    stages.begin(1, VERIFY[0], 10.0)
    _, line = stages.end(1, 12.0)
    assert not line.complete
    stages.begin(2, VERIFY[1], 13.0)
    _, line = stages.end(2, 17.5)
    assert line.complete and line.seconds == 7.5 and line.ended == 2


def test_what_nobody_planned_counts_once_it_begins():
    stages = Stages()
    stages.begin(1, VERIFY[0], 0.0)
    assert not stages.lines["cpu/net", "verify"].complete
    _, line = stages.end(1, 1.0, failed=True)
    assert line.complete and line.failed == 1 and stages.ended == []


def test_a_job_ends_once():
    stages = Stages()
    stages.begin(1, VERIFY[0], 0.0)
    assert stages.end(1, 1.0) and stages.end(1, 1.0) is None and stages.end(7, 1.0) is None
