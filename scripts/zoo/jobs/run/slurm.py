"""What Slurm grants a job, and the jobs that it still has of a build that was killed."""

import os
import subprocess
import time
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.run.remembered import replace

ASKED = ("slurm_account", "slurm_partition", "constraint")
"""The resources that say where jobs may run at all."""

_COMMENT = "rule_"
"""What Snakemake's plugin starts the comments of its jobs with, of groups too."""
_MEMORY = "NCNN_ZOO_MEMORY_MB"
_WAIT_S = 60
_LOOK_S = 30
"""The longest between two looks at the states of jobs, which are one question to Slurm for all of them."""


def look_again_soon() -> None:
    """Let the plugin look at the states of its jobs every half a minute, or more often. It does so ever more
    rarely while none ends, up to every three minutes, by which each stage of a small model seems longer."""
    replace(
        "snakemake_interface_executor_plugins.executors.remote",
        "RemoteExecutor.next_seconds_between_status_checks",
        lambda seconds: seconds.setter(
            lambda executor, value: seconds.fset(executor, value and min(value, _LOOK_S))
        ),
    )


def granted(environment: MutableMapping[str, str] = os.environ) -> dict[str, int]:
    """What this job may take, of what Slurm says: `_cores`, and `mem_mb`.

    Its memory is said in the job's script only, and not in the step that runs there, so it is kept for that.
    """
    if memory := environment.get("SLURM_MEM_PER_NODE"):
        environment[_MEMORY] = memory
    said = {"_cores": environment.get("SLURM_CPUS_PER_TASK", ""), "mem_mb": environment.get(_MEMORY, "")}
    found = {name: int(value) for name, value in said.items() if value.isdecimal() and int(value)}
    if "_cores" in found:  # more where nodes are of fewer CPUs than their configuration says
        found["_cores"] = min(found["_cores"], len(os.sched_getaffinity(0)))
    return found


def refuse_unusable(cores: int, asked: Mapping[str, str]) -> None:
    """Raises ZooError, with Slurm's own words, if it takes no job of so many cores, or has none.

    asked: those of ASKED that jobs will name.
    """
    options = [f"--{name.removeprefix('slurm_')}={value}" for name, value in asked.items()]
    command = ["sbatch", "--test-only", f"--cpus-per-task={cores}", *options, "--wrap=true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise ZooError("this machine has no sbatch; start the build where jobs are sent to Slurm") from error
    except subprocess.TimeoutExpired as error:
        raise ZooError("Slurm does not answer; see that slurmctld runs") from error
    if done.returncode and "down" not in done.stderr.lower():  # nodes that are down for now come back
        what = " ".join([f"jobs of {cores} cores", *(f"{name} {value}" for name, value in asked.items())])
        said = done.stderr.strip().splitlines()[-1:] or ["it does not say why"]
        raise ZooError(
            f"Slurm takes no {what}: {said[0]}; change cores, slurm_account, slurm_partition or constraint "
            "in a copy of profiles/slurm"
        )


def cancel_left(folder: Path) -> int:
    """Cancel what Slurm has of Snakemake's jobs that work in a folder, and wait for their ends, a minute at
    most.

    To be called when no build lives there: else it would lose its jobs. Returns how many there were.
    """
    left = _jobs(folder)
    if left:
        subprocess.run(["scancel", *left], check=False, capture_output=True)
        end = time.monotonic() + _WAIT_S
        while _jobs(folder) and time.monotonic() < end:
            time.sleep(1)
    return len(left)


def ended(folder: Path, since: datetime) -> list[str]:
    """In a phrase each, the jobs of Snakemake in a folder that Slurm ended for want of memory or time, with
    what they had asked for; those that were submitted since then."""
    rows = _rows("%i|%k|%T|%m|%l|%V", folder, "--states=OUT_OF_MEMORY,TIMEOUT")
    return [
        f"{what.partition('_')[2]} (job {number}) "
        + (
            f"ran out of {memory}B of memory"
            if state == "OUT_OF_MEMORY"
            else f"took longer than {time_limit}"
        )
        for number, what, state, memory, time_limit, submitted in rows
        if submitted >= f"{since:%Y-%m-%dT%H:%M:%S}"
    ]


def _jobs(folder: Path) -> list[str]:
    """The numbers of Snakemake's jobs in a folder that wait, run, or are about to end."""
    return [row[0] for row in _rows("%i|%k", folder)]


def _rows(columns: str, folder: Path, *which: str) -> list[list[str]]:
    """What `squeue` says, in columns of which the second is the comment, of Snakemake's jobs in a folder."""
    command = ["squeue", "--me", "--noheader", f"--format={columns}|%Z", *which]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):  # no Slurm, or one that does not answer
        return []
    rows = [line.strip().split("|", columns.count("|") + 1) for line in done.stdout.splitlines()]
    return [row[:-1] for row in rows if row[1].startswith(_COMMENT) and row[-1] == str(folder.resolve())]
