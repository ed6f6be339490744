"""What is built, what passed, and what did not, as the records in results/ have it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from zoo.cli import workflow
from zoo.cli.program import Program, as_json, print_json
from zoo.config.artifacts import ARTIFACTS
from zoo.config.outputs.paths import artifact_files, model_folder
from zoo.config.records.benchmark import Benchmark
from zoo.config.records.verification import Verification
from zoo.config.zoo import Zoo
from zoo.errors import ZooError
from zoo.jobs.made import made_sha256

UNBUILT = "not built"
_HEADER = ("model", "device", "artifact", "state", "SQNR dB", "time / fp32", "MB")


@click.command(cls=Program)
@click.argument("models", nargs=-1, shell_complete=workflow.complete_models)
@click.option("--device", "devices", multiple=True, help="cpu, gpu or a target; may be given several times.")
@workflow.configured
@as_json("print a line of JSON an artifact, and one a model that is not built")
def status(
    models: tuple[str, ...], devices: tuple[str, ...], over: tuple[Path, ...], json_wanted: bool
) -> int:
    """What is built of the MODELS, by default of all, and whether it passed.

    Only files that are there, and records of them, are read: what an edit of config.yaml makes stale,
    `zoo build --dry-run MODEL` says. Ends with 1 if an artifact failed its verification, or is another file
    than was verified.
    """
    zoo = workflow.declared(over)
    names = [workflow.model_of(name, zoo) for name in models] or list(zoo.models)
    found = list(rows(zoo, names, workflow.devices_of(devices, zoo)))
    built = [row for row in found if row["state"] != UNBUILT]
    if json_wanted:
        for row in found:
            print_json(row)
    elif built:
        click.echo(_table(built))
    if unbuilt := [row["model"] for row in found if row["state"] == UNBUILT]:
        click.echo(f"not built: {', '.join(unbuilt)}", err=json_wanted)
    return int(any(row["state"] in ("failed", "changed") for row in found))


def rows(zoo: Zoo, models: Iterable[str], devices: Iterable[str]) -> Iterator[dict[str, Any]]:
    """A row for each artifact of which there are files: model, device, artifact, state (passed, failed,
    unverified, or changed since), why not, the SQNR in dB, the time over fp32's, bytes, and the files. Of a
    model that has none on these devices, one whose state is UNBUILT, and all else but the model is empty."""
    devices = list(devices)
    for model in models:
        yield from list(_of_model(model, devices)) or [_unbuilt(model)]


def _of_model(model: str, devices: Iterable[str]) -> Iterator[dict[str, Any]]:
    for device in devices:
        for artifact in ARTIFACTS:
            files = [Path(file) for file in artifact_files(device, model, artifact)]
            if all(file.is_file() for file in files):
                stem = f"{model_folder(device, model)}/{artifact}"
                yield {"model": model, "device": device, "artifact": artifact} | _facts(stem, files)


def _unbuilt(model: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("sqnr_db", "ratio", "bytes"))
    named = {"model": model, "device": None, "artifact": None, "state": UNBUILT, "why": ""}
    return named | nothing | {"files": []}


def _facts(stem: str, files: list[Path]) -> dict[str, Any]:
    verified, timed = Path(f"{stem}.verify.json"), Path(f"{stem}.bench.json")
    proof = Verification.read(verified) if verified.is_file() else None
    time = Benchmark.read(timed).latency[0] if timed.is_file() else None
    state, why = _state(proof, files)
    return {
        "state": state,
        "why": why,
        "sqnr_db": proof.numbers.sqnr_db if proof and proof.numbers else None,
        "ratio": time.ratio if time else None,
        "bytes": sum(file.stat().st_size for file in files),
        "files": [str(file) for file in files],
    }


def _state(proof: Verification | None, files: list[Path]) -> tuple[str, str]:
    if proof is None:
        return "unverified", ""
    try:
        proof.check_files(files, made_sha256)
    except ZooError as error:
        return "changed", str(error)
    return ("passed", "") if proof.verdict.passed else ("failed", "; ".join(proof.verdict.failures))


def _table(found: list[dict[str, Any]]) -> str:
    cells = [_HEADER, *(_cells(row) for row in found)]
    widths = [max(len(each[column]) for each in cells) for column in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True)) for each in cells]
    told = [f"{'/'.join(_cells(row)[:3])}: {row['why']}" for row in found if row["why"]]
    return "\n".join(line.rstrip() for line in [*lines, *told])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    shown = (_rounded(row["sqnr_db"], 1), _rounded(row["ratio"], 2), _rounded(row["bytes"] / 1e6, 2))
    return (row["model"], row["device"], row["artifact"], row["state"], *shown)


def _rounded(number: float | None, places: int) -> str:
    return "" if number is None else f"{number:.{places}f}"
