"""Why a job failed, by its log."""

from zoo.terminal.failures import Failure


def test_the_reason_is_the_last_error_of_the_log(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("2026 INFO begun\n2026 ERROR first\n2026 ERROR one: no such file\n2026 INFO used: {}\n")
    assert Failure("int8", str(log)).reason == "one: no such file"
    log.write_text("2026 INFO begun\n")
    assert Failure("int8", str(log)).reason == "int8: see its log"


def test_a_job_without_a_log_is_no_fault(tmp_path):
    assert Failure("int8", str(tmp_path / "none.log")).reason == "int8: it left no log"
    assert Failure("int8", None).reason == "int8: it left no log"
