"""What is asked of Slurm, of programs that answer as it does; tests/workflow/test_slurm.py has a real one."""

import os
import subprocess
import sys
from datetime import datetime

import pytest

from zoo.errors import ZooError
from zoo.jobs.run import slurm


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a shell script in the place of a program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return write


def test_a_step_may_take_what_its_job_was_granted():
    cores = len(os.sched_getaffinity(0))
    job = {"SLURM_CPUS_PER_TASK": "1", "SLURM_MEM_PER_NODE": "2300"}
    assert slurm.granted(job) == {"_cores": 1, "mem_mb": 2300}
    step = {name: value for name, value in job.items() if name != "SLURM_MEM_PER_NODE"}
    assert slurm.granted(step | {"SLURM_CPUS_PER_TASK": "4096"}) == {"_cores": cores, "mem_mb": 2300}
    assert slurm.granted({}) == {}


def test_what_slurm_takes_no_job_for_is_said_in_its_words(program):
    program("sbatch", 'echo "allocation failure: Invalid partition name specified" >&2; exit 1')
    with pytest.raises(ZooError, match=r"jobs of 8 cores slurm_partition x: allocation failure: In"):
        slurm.refuse_unusable(8, {"slurm_partition": "x"})
    program("sbatch", 'echo "allocation failure: Required node not available (down)" >&2; exit 1')
    slurm.refuse_unusable(8, {})
    program("sbatch", '[ "$*" = "--test-only --cpus-per-task=2 --account=me --constraint=zen --wrap=true" ]')
    slurm.refuse_unusable(2, {"slurm_account": "me", "constraint": "zen"})


def test_a_machine_without_slurm_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError, match="no sbatch"):
        slurm.refuse_unusable(1, {})
    assert slurm.cancel_left(tmp_path) == 0


def test_only_snakemakes_jobs_of_a_folder_are_cancelled(program, tmp_path):
    zoo, gone = tmp_path / "zoo", tmp_path / "gone"
    rows = [f"1|rule_a|{zoo}", f"2|rule_b|{tmp_path}", f"3|mine|{zoo}", f"4|rule_export_cpu_a|{zoo}"]
    lines = "\n".join(rows)
    program("squeue", f"[ -e {gone} ] || echo '{lines}'")
    program("scancel", f'echo "$@" > {gone}')
    assert slurm.cancel_left(zoo) == 2
    assert gone.read_text() == "1 4\n"
    assert slurm.cancel_left(zoo) == 0


def test_what_was_too_large_is_told_with_its_figures(program, tmp_path):
    rows = [
        f"7|rule_ncnn_cpu_a|OUT_OF_MEMORY|3200M|2:00:00|2026-01-02T03:04:05|{tmp_path}",
        f"8|rule_bench|TIMEOUT|900M|1:00:00|2026-01-02T03:04:06|{tmp_path}",
        f"5|rule_old|TIMEOUT|900M|1:00:00|2026-01-01T00:00:00|{tmp_path}",
    ]
    program("squeue", "echo '{}'".format("\n".join(rows)))
    assert slurm.ended(tmp_path, datetime(2026, 1, 2, 3, 4, 5)) == [
        "ncnn_cpu_a (job 7) ran out of 3200MB of memory",
        "bench (job 8) took longer than 1:00:00",
    ]


def test_the_plugin_looks_at_its_jobs_every_half_a_minute_at_least():
    code = """
import snakemake.cli
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from zoo.jobs.run import slurm
slurm.look_again_soon()
Executor = type("Executor", (RemoteExecutor,), {})
Executor.__abstractmethods__ = frozenset()
executor = Executor.__new__(Executor)
for asked in (5, 30, 180):
    executor.next_seconds_between_status_checks = asked
    print(executor.next_seconds_between_status_checks)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "30", "30"]
