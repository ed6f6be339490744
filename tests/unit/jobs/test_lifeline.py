"""Jobs end with their build, and programs with their job, however that ends."""

import os
import subprocess
import sys

import pytest

BUILD = """
import subprocess, sys, time
from zoo.jobs import lifeline

lifeline.of_this_process()
# as Snakemake does, through a shell
job = "from zoo.jobs.reporting import reporting; import sys, time\\nwith reporting('log', 'x'):\\n" \\
      " print('on', flush=True); time.sleep(300)"
subprocess.Popen(["sh", "-c", f'"$0" -c "$1"; true', sys.executable, job]).wait()
"""
JOB = """
import subprocess
from zoo.jobs.lifeline import end_with_parent

subprocess.run(["sh", "-c", "echo on; exec sleep 300"], preexec_fn=end_with_parent)
"""


@pytest.mark.parametrize("script", [BUILD, JOB])
def test_what_a_killed_process_started_ends_at_once(script, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "on\n"
        process.kill()
        process.communicate(timeout=20)  # until the last process that holds the pipe is gone


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from zoo.jobs.reporting import reporting

if sys.argv[1] == "working":
    with reporting("log", "x"):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            import time; time.sleep(20)
        finally:
            Path("cleared").touch()
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.parametrize("when", ["working", "starting"])
def test_a_job_that_is_interrupted_ends_without_a_word_and_clears_away(when, tmp_path):
    """As Ctrl-C does to every process of a build."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "NCNN_ZOO_BUILD": "0@elsewhere"}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, when],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout + done.stderr == ""
    assert done.returncode == (130 if when == "working" else -2)
    assert (tmp_path / "cleared").exists() == (when == "working")
