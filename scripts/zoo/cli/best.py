"""Which artifact of a model to ship, and why."""

import shlex
from pathlib import Path

import click

from zoo.cli import workflow
from zoo.cli.program import Program, as_json, print_json
from zoo.config.outputs.paths import model_folder
from zoo.config.records.best import BestArtifact
from zoo.errors import ZooError


@click.command(cls=Program)
@click.argument("model", shell_complete=workflow.complete_models)
@click.option("--device", help="cpu, gpu or a target (default: each that there is a choice for).")
@workflow.configured
@as_json("print a line of JSON a device")
def best(model: str, device: str | None, over: tuple[Path, ...], json_wanted: bool) -> None:
    """Which artifact of MODEL to ship on a device, why that one, and where it is. Nothing is built."""
    zoo = workflow.declared(over)
    workflow.model_of(model, zoo)
    devices = workflow.devices_of([device] if device else [], zoo)
    folders = {each: Path(model_folder(each, model)) for each in devices}
    there = {each: folder for each, folder in folders.items() if (folder / "best.json").is_file()}
    if not there:
        command = f"zoo build {shlex.quote(model)}" + (f" --device {device}" if device else "")
        raise ZooError(f"nothing was chosen for {model} yet: {command}")
    for each, folder in there.items():
        chosen, bundle = BestArtifact.read(folder / "best.json"), folder / "best.deploy.zip"
        files = [str(folder / name) for name in chosen.files]
        if json_wanted:
            told = {"model": model, "device": each, "artifact": chosen.artifact, "reason": chosen.reason}
            print_json(told | {"files": files, "bundle": str(bundle) if bundle.is_file() else None})
            continue
        click.echo(f"{each}: {chosen.reason}\n  {', '.join(files)}")
        if bundle.is_file():
            click.echo(f"  {bundle}: the same with programs in C++ and Python that run it")
        else:
            click.echo(f"  to pack it for another machine: snakemake {bundle}")
