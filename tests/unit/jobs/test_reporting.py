"""A job that fails says one sentence, and keeps the rest in its log."""

import errno
import logging
import os
import warnings

import pytest

from zoo.errors import ArtifactError, ZooError
from zoo.jobs.reporting import reporting


def failed(error: BaseException, log, capsys) -> tuple[str, str]:
    """What a job that raises `error` prints on stderr, and its log; it must exit with status 1."""
    with pytest.raises(SystemExit) as caught, reporting(log, "verify cpu/small/int8"):
        raise error
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == "" and "Traceback" not in printed.err
    return printed.err.strip(), log.read_text()


@pytest.mark.parametrize("kind", [ZooError, ArtifactError])
def test_an_error_of_the_user_is_a_sentence_without_a_traceback(kind, tmp_path, capsys):
    printed, log = failed(kind("the file is gone"), tmp_path / "log", capsys)
    assert printed == "error: verify cpu/small/int8: the file is gone"
    assert "ERROR verify cpu/small/int8: the file is gone" in log and "Traceback" not in log


def test_any_other_exception_leaves_its_traceback_in_the_log(tmp_path, capsys):
    printed, log = failed(KeyError("nothing"), tmp_path / "log", capsys)
    assert printed == (
        f"error: verify cpu/small/int8: unexpected KeyError: 'nothing' (traceback in {tmp_path / 'log'})"
    )
    assert "Traceback" in log and "raise error" in log


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("[enforce fail] can't allocate memory: 4 B")])
def test_a_lack_of_memory_is_a_sentence(error, tmp_path, capsys):
    printed, log = failed(error, tmp_path / "log", capsys)
    assert printed.startswith("error: verify cpu/small/int8: not enough memory;")
    assert "Traceback" not in log


def test_an_interrupt_passes_through(tmp_path):
    with pytest.raises(KeyboardInterrupt), reporting(tmp_path / "log", "x"):
        raise KeyboardInterrupt


def test_the_log_holds_messages_and_warnings_of_the_block_only(tmp_path, capsys):
    handlers = list(logging.getLogger().handlers)
    (tmp_path / "log").write_text("an earlier run\n")
    with reporting(tmp_path / "log", "x"):
        logging.getLogger("some.library").info("ünteresting")
        warnings.warn("deprecated", FutureWarning, stacklevel=1)
    logging.warning("afterwards")
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "INFO ünteresting" in log and "FutureWarning: deprecated" in log
    assert "earlier" not in log and "afterwards" not in log
    assert logging.getLogger().handlers == handlers
    assert capsys.readouterr().err == ""


def chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("[enforce fail] PytorchStreamWriter failed: No space left on device"),
        chained(ZooError("export failed, choose another opset"), OSError(errno.EDQUOT, "quota")),
        ZooError("a.bin: no space left on the disk; free some and run again"),
    ],
    ids=["of Python", "of a library", "behind a sentence", "told already"],
)
def test_a_full_disk_is_a_sentence_whoever_met_it(error, tmp_path, capsys):
    printed, log = failed(error, tmp_path / "log", capsys)
    assert printed.startswith("error: verify cpu/small/int8: ")
    assert printed.endswith("no space left on the disk; free some and run again")
    assert "Traceback" not in log


def test_a_log_that_cannot_be_written_does_not_hide_what_failed(capsys):
    with pytest.raises(SystemExit), reporting("/dev/full", "verify"):
        logging.info("so many lines")
        raise ZooError("the file is gone")
    assert capsys.readouterr().err.strip() == "error: verify: the file is gone"


def test_a_name_that_is_no_utf8_can_be_logged(tmp_path, capsys):
    _, log = failed(ZooError("caf\udce9.png is gone"), tmp_path / "log", capsys)
    assert r"caf\udce9.png is gone" in log
