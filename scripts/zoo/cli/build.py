"""Build models, verified, by the workflow."""

from pathlib import Path

import click

from zoo.cli import status as state
from zoo.cli import workflow
from zoo.cli.program import COUNT, Program, as_json, print_json


@click.command(cls=Program)
@click.argument("models", nargs=-1, required=True, shell_complete=workflow.complete_models)
@click.option("--device", "devices", multiple=True, help="cpu, gpu or a target; may be given several times.")
@click.option("-j", "--cores", type=COUNT, help="CPU cores to use (default: all).")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("-k", "--keep-going", is_flag=True, help="Go on with what does not depend on a failed job.")
@workflow.configured
@as_json("print the rows of zoo status when the build has ended")
def build(
    models: tuple[str, ...],
    devices: tuple[str, ...],
    cores: int | None,
    dry_run: bool,
    keep_going: bool,
    over: tuple[Path, ...],
    json_wanted: bool,
) -> int:
    """Build models: all artifacts, their proofs, the report, and what to ship (best.deploy.zip).

    MODELS are names in config.yaml; a target of the workflow (all, embedded, evaluate) or a file below
    results/ will do. It is `snakemake MODELS`, and ends as that does; what follows -- is for Snakemake.
    """
    if "--configfile" in models:
        raise click.UsageError("give --configfile before --, for the models in that file are looked up first")
    zoo = workflow.declared(over)
    ours = [each for each in models if not each.startswith("-")]
    known = workflow.targets()
    for each in ours:
        if "/" not in each and each not in known:
            workflow.model_of(each, zoo)
    shown = workflow.devices_of(devices, zoo)
    arguments = [*models, *(["--cores", str(cores)] if cores else [])]
    arguments += ["--dry-run"] * dry_run + ["--keep-going"] * keep_going
    arguments += ["--config", f"devices=[{','.join(devices)}]"] if devices else []
    arguments += ["--configfile", *map(str, over)] if over else []
    ended = workflow.snakemake(arguments, quiet_output=json_wanted)
    if json_wanted and not dry_run:
        chosen = [each for each in ours if each in zoo.models] or list(zoo.models)
        for row in state.rows(zoo, chosen, shown):
            print_json(row)
    return ended
