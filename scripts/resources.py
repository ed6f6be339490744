"""What each stage of a model's build took: python scripts/resources.py MODEL [--csv]
What the zoo of config.yaml will take: python scripts/resources.py --zoo [--cores 64] [--core-hour .04]

Gathers the records of all jobs of a model below results/logs: Snakemake's, which names the rule and what was
asked for, and beside it the log, which ends with what was used. Stages that ran as several jobs are one row:
the sum of their times, and the peaks of the largest. Sizes are in MB of 2^20 bytes.

A zoo takes what its models on record took, and their mean for each other one. What a cluster bills are the
cores that jobs had, busy or not, and the memory that they asked for, for as long as they ran; prices are of
an hour of one core, and of one GB. It is done when all cores were busy for so long, or the longest model is.
"""

import ast
import csv
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from zoo.cli.program import COUNT, Program, run
from zoo.config.reading.model_files import of_folder
from zoo.errors import ZooError
from zoo.jobs.reporting import used
from zoo.jobs.run.forecast import Cost, Forecast, forecast
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
    model: str
    threads: int
    usage: Usage
    asked: dict[str, int]
    input_mb: float


def jobs(logs: Path, model: str) -> list[Job]:
    """The recorded jobs of a model, by the time they finished.

    Raises ZooError if there is none: nothing of it was built here, or without the profile's settings.
    """
    found = [job for job in recorded(logs) if job.model == model]
    if not found:
        raise ZooError(f"{logs} has no record of a job of {model}; build something of it with this profile")
    return sorted(found, key=lambda job: job.finished)


def recorded(logs: Path) -> list[Job]:
    """The recorded jobs of all models."""
    return [job for path in logs.rglob("*.benchmark.tsv") for row in rows(path) if (job := read(path, row))]


def rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(newline="") as handle:
        yield from csv.DictReader(handle, delimiter="\t")


def read(path: Path, row: dict[str, str]) -> Job | None:
    """A job, or None for one that is of no model, or of which there is no full record."""
    log = path.with_name(path.name.replace(".benchmark.tsv", ".log"))
    usage = used(log) if log.is_file() else None
    if usage is None or "rule_name" not in row:
        return None
    wildcards, asked, inputs = (
        ast.literal_eval(row[key]) for key in ("wildcards", "resources", "input_size_mb")
    )
    if "model" not in wildcards:
        return None
    part = wildcards.get("artifact") or wildcards.get("purpose")
    stage = " ".join(filter(None, (wildcards.get("device"), row["rule_name"], part)))
    finished, largest = path.stat().st_mtime, max(inputs.values(), default=0.0)
    return Job(stage, finished, wildcards["model"], int(row["threads"]), usage, asked, largest)


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


def of_zoo(logs: Path, models: Collection[str]) -> Forecast:
    """What the models will take together. Raises ZooError if none of them is on record."""
    by_model: dict[str, list[Job]] = {}
    for job in recorded(logs):
        by_model.setdefault(job.model, []).append(job)
    known = {
        name: Cost.of((job.usage.seconds, job.threads, job.asked.get("mem_mb", 0)) for job in found)
        for name, found in by_model.items()
    }
    return forecast(known, models)


def in_words(found: Forecast, cores: int, core_hour: float, gb_hour: float) -> str:
    total = found.total
    price = f", {found.price(core_hour, gb_hour):.2f} dollars" if core_hour or gb_hour else ""
    return (
        f"{found.models} models, {found.recorded} of them on record: {total.jobs:.0f} jobs, "
        f"{total.core_hours:.2f} hours of cores, {total.gb_hours:.2f} GB-hours, "
        f"at most {total.memory_mb:.0f} MB a job; {found.hours(cores):.2f} hours on {cores} cores{price}"
    )


@click.command(cls=Program, help=__doc__)
@click.argument("model", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="As CSV; else a table in Markdown.")
@click.option("--zoo", is_flag=True, help="What all models of config.yaml will take.")
@click.option("--cores", type=COUNT, default=os.cpu_count() or 1, help="That the zoo is built on.")
@click.option("--core-hour", type=float, default=0.0, help="Dollars for an hour of a core.")
@click.option("--gb-hour", type=float, default=0.0, help="Dollars for an hour of a GB of memory.")
def main(model: str | None, as_csv: bool, zoo: bool, cores: int, core_hour: float, gb_hour: float) -> None:
    if zoo == (model is not None):
        raise click.UsageError("name a model, or ask for --zoo")
    if model is None:
        click.echo(in_words(of_zoo(LOGS, of_folder().get("models") or {}), cores, core_hour, gb_hour))
        return
    found = [HEADER, *table(jobs(LOGS, model))]
    if as_csv:
        csv.writer(sys.stdout).writerows(found)
        return
    found.insert(1, ("---",) * len(HEADER))
    print(*(f"| {' | '.join(each)} |" for each in found), sep="\n")


if __name__ == "__main__":
    run(main)
