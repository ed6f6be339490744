"""What each stage of a model's build took: python scripts/resources.py MODEL [--csv]

Gathers the records of all jobs of a model below results/logs: Snakemake's, which names the rule and what was
asked for, and beside it the log, which ends with what was used. Stages that ran as several jobs are one row:
the sum of their times, and the peaks of the largest. Sizes are in MB of 2^20 bytes.
"""

import ast
import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from zoo.cli.program import Program, run
from zoo.errors import ZooError
from zoo.jobs.reporting import used
from zoo.jobs.usage import Usage

LOGS = Path("results/logs")
HEADER = (
    "stage",
    "jobs",
    "seconds",
    "cpu seconds",
    "memory MB",
    "memory asked for",
    "disk MB",
    "disk asked for",
    "largest input MB",
)


@dataclass(frozen=True)
class Job:
    """A finished job. stage: its rule, and which artifact or images; asked: its resources by name."""

    stage: str
    finished: float
    usage: Usage
    asked: dict[str, int]
    input_mb: float


def jobs(logs: Path, model: str) -> list[Job]:
    """The recorded jobs of a model, by the time they finished.

    Raises ZooError if there is none: nothing of it was built here, or without the profile's settings.
    """
    found = [
        job for path in logs.rglob("*.benchmark.tsv") for row in rows(path) if (job := read(path, row, model))
    ]
    if not found:
        raise ZooError(f"{logs} has no record of a job of {model}; build something of it with this profile")
    return sorted(found, key=lambda job: job.finished)


def rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(newline="") as handle:
        yield from csv.DictReader(handle, delimiter="\t")


def read(path: Path, row: dict[str, str], model: str) -> Job | None:
    """A job of the model, or None for one of another model, or of which there is no full record."""
    log = path.with_name(path.name.replace(".benchmark.tsv", ".log"))
    usage = used(log) if log.is_file() else None
    if usage is None or "rule_name" not in row:
        return None
    wildcards, asked, inputs = (
        ast.literal_eval(row[key]) for key in ("wildcards", "resources", "input_size_mb")
    )
    if wildcards.get("model") != model:
        return None
    part = wildcards.get("artifact") or wildcards.get("purpose")
    stage = " ".join(filter(None, (wildcards.get("device"), row["rule_name"], part)))
    return Job(stage, path.stat().st_mtime, usage, asked, max(inputs.values(), default=0.0))


def table(found: Sequence[Job]) -> list[tuple[str, ...]]:
    """A row a stage, in the order in which they first finished."""
    stages = list(dict.fromkeys(job.stage for job in found))
    return [row(stage, [job for job in found if job.stage == stage]) for stage in stages]


def row(stage: str, found: Sequence[Job]) -> tuple[str, ...]:
    usages = [job.usage for job in found]
    asked = [[job.asked[key] for job in found if key in job.asked] for key in ("mem_mb", "disk_mb")]
    memory, disk = (str(max(each)) if each else "" for each in asked)
    return (
        stage,
        str(len(found)),
        f"{sum(each.seconds for each in usages):.0f}",
        f"{sum(each.cpu_seconds for each in usages):.0f}",
        str(max(each.memory_mb for each in usages)),
        memory,
        str(max(each.disk_mb for each in usages)),
        disk,
        f"{max(job.input_mb for job in found):.0f}",
    )


@click.command(cls=Program, help=__doc__)
@click.argument("model")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV; else a table in Markdown.")
def main(model: str, as_csv: bool) -> None:
    found = [HEADER, *table(jobs(LOGS, model))]
    if as_csv:
        csv.writer(sys.stdout).writerows(found)
        return
    found.insert(1, ("---",) * len(HEADER))
    print(*(f"| {' | '.join(each)} |" for each in found), sep="\n")


if __name__ == "__main__":
    run(main)
