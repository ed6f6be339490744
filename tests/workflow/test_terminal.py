"""What is seen of a build, in a pipe, on a terminal, and when it is interrupted."""

import os
import pty
import signal
import subprocess
import time

import pytest

from samples.workflow import Zoo

pytestmark = pytest.mark.long(60)


def test_in_a_pipe_there_are_plain_lines_and_a_closing_block(fresh_zoo: Zoo):
    outcome = fresh_zoo.snakemake("results/weights/one.safetensors")
    assert outcome.status == 0, outcome.text
    assert outcome.jobs == {"weights one"}
    assert "\x1b" not in outcome.text and "\r" not in outcome.text
    assert "1 job for 1 model" in outcome.text and "Built in" in outcome.text
    assert "Building DAG" not in outcome.text and "rule weights" not in outcome.text


def test_who_asks_for_more_gets_snakemakes_own_lines(fresh_zoo: Zoo):
    outcome = fresh_zoo.snakemake("--verbose", "results/weights/one.safetensors")
    assert "Job stats" in outcome.text and "Built in" not in outcome.text


def on_a_terminal(zoo: Zoo, *arguments: str, until: str, then: signal.Signals | None = None) -> str:
    """What a build shows on a terminal of 100 columns; once it shows `until`, its processes get a signal."""
    own, others = pty.openpty()
    process = subprocess.Popen(
        [zoo.python, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=zoo.folder,
        env=os.environ | {"COLUMNS": "100", "TERM": "xterm"},
        stdin=others,
        stdout=others,
        stderr=others,
        start_new_session=True,
    )
    os.close(others)
    shown, deadline = "", time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            part = os.read(own, 4096)
        except OSError:  # all processes have closed it
            break
        if not part:
            break
        shown += part.decode(errors="replace")
        if then is not None and until in shown:
            os.killpg(process.pid, then)
            then = None
    os.close(own)
    process.wait(timeout=60)
    assert until in shown, shown
    return shown


def test_a_terminal_shows_what_runs_and_a_line_a_stage(fresh_zoo: Zoo):
    shown = on_a_terminal(fresh_zoo, "results/weights/one.safetensors", until="one weights · 1 job to go")
    lines = shown.replace("\r", "\n").replace("\x1b[K", "").splitlines()
    assert any("✓" in line and line.split()[-4:-2] == ["one", "weights"] for line in lines), lines
    assert "Built in" in shown


def test_an_interrupted_build_says_one_sentence(fresh_zoo: Zoo):
    shown = on_a_terminal(fresh_zoo, "results/cpu/one/fp32.param", until="one weights", then=signal.SIGINT)
    assert "Interrupted after" in shown and "Traceback" not in shown
    after = [line for line in shown.partition("Interrupted after")[2].splitlines() if line.strip("\x1b[K\r ")]
    assert len(after) == 1, after
    assert fresh_zoo.snakemake("results/weights/one.safetensors").status == 0
