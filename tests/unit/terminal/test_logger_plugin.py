"""What the logger plugin writes in a pipe for Snakemake's events."""

import io
import logging
import sys
from pathlib import Path

import pytest
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_zoo import LogHandler
from zoo.terminal.stages import Job


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> io.StringIO:
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.fixture
def handler(written: io.StringIO) -> LogHandler:
    handler = LogHandler(OutputSettings(), None)
    handler.plan([Job("verify", {"device": "cpu", "model": "net", "artifact": each}) for each in "abc"], 2)
    return handler


def tell(handler: LogHandler, event: LogEvent, **values: object) -> None:
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, "", None, None)
    vars(record).update(event=event, **values)
    handler.emit(record)


def begin(handler: LogHandler, number: int, artifact: str) -> None:
    wildcards = {"device": "cpu", "model": "net", "artifact": artifact}
    about = {"rule_name": "verify", "rule_msg": f"verify {artifact}", "wildcards": wildcards}
    tell(handler, LogEvent.JOB_INFO, jobid=number, threads=1, benchmark=None, **about)


def error(number: int, artifact: str) -> dict[str, object]:
    return {"jobid": number, "rule_name": "verify", "log": [f"{artifact}.log"]}


def test_lines_carry_counts_that_only_grow(handler: LogHandler, written: io.StringIO):
    for number, artifact in ((30, "a"), (10, "b")):
        begin(handler, number, artifact)
        tell(handler, LogEvent.JOB_FINISHED, job_id=number)
        tell(handler, LogEvent.PROGRESS, done=1, total=3)
    begin(handler, 20, "c")
    lines = written.getvalue().splitlines()
    assert lines == [
        "3 jobs for 1 model",
        *("Job 1 of 3: verify a", "Job 2 of 3: verify b", "Job 3 of 3: verify c"),
    ]
    assert "%" not in written.getvalue()


def test_of_a_group_that_fails_the_jobs_that_left_an_error_are_told(
    handler: LogHandler, written: io.StringIO
):
    for number, artifact in enumerate("abc"):
        begin(handler, number, artifact)
    Path("b.log").write_text("12:00:00 ERROR verify cpu/net/b: it is wrong\n")
    failed = [error(number, artifact) for number, artifact in enumerate("abc")]
    tell(handler, LogEvent.GROUP_ERROR, job_error_info=failed)
    for each in failed:
        tell(handler, LogEvent.JOB_ERROR, **each)
    handler.close()
    text = written.getvalue()
    assert "1 job failed:" in text and "verify cpu/net/b: it is wrong" in text and "left no log" not in text


def test_of_a_group_that_leaves_nothing_the_first_is_told(handler: LogHandler, written: io.StringIO):
    for number, artifact in enumerate("abc"):
        begin(handler, number, artifact)
    failed = [error(number, artifact) for number, artifact in enumerate("abc")]
    failed[0]["log"] = ["a.log", "slurm.log"]
    Path("slurm.log").write_text("killed\n")
    tell(handler, LogEvent.GROUP_ERROR, job_error_info=failed)
    for each in failed:
        tell(handler, LogEvent.JOB_ERROR, **each)
    handler.close()
    text = written.getvalue()
    assert "1 job failed:" in text and "verify cpu/net/a: see its log" in text and "slurm.log" in text


def test_a_mistake_that_a_rule_meets_is_its_sentence_alone(handler: LogHandler, written: io.StringIO):
    told = (
        'InputFunctionException in rule onnx in file "rules/onnx.smk", line 49:\nError:\n  ConfigError:\n'
        "    config.yaml: net: no calibration images are chosen\nWildcards:\n  model=net\nTraceback:\n (rule)"
    )
    record = logging.LogRecord("snakemake", logging.ERROR, "", 0, told, None, None)
    vars(record).update(event=LogEvent.ERROR, exception="InputFunctionException")
    handler.emit(record)
    assert written.getvalue().splitlines()[1:] == [
        "error: config.yaml: net: no calibration images are chosen"
    ]
