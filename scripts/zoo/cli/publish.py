"""Put what passed of a model on Hugging Face's hub, with its model card."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from zoo.cli import workflow
from zoo.cli.program import Program, as_json, print_json
from zoo.config.reading.model_files import of_folder
from zoo.config.records.card import ModelCard
from zoo.errors import ZooError, require_extra
from zoo.provenance.publish import Upload, gather
from zoo.provenance.publish import publish as send


def _repository(context: click.Context, option: click.Parameter, value: str) -> str:
    """The value of --to. Wrong usage, if it is no OWNER/NAME; what else a name must be, the hub says."""
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", value, re.ASCII):
        raise click.BadParameter(f"{value} is not of the form OWNER/NAME", context, option)
    return value


@click.command(cls=Program)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "repository",
    metavar="OWNER/NAME",
    required=True,
    callback=_repository,
    help="The repository, made if need be.",
)
@click.option("--private", is_flag=True, help="For a repository that is made.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be sent.")
@workflow.configured
@as_json()
def publish(
    folder: Path,
    repository: str,
    private: bool,
    dry_run: bool,
    over: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    """Put what passed of a model, with its proofs and its card, on Hugging Face's hub, in one commit.

    FOLDER is results/<device>/<model>. Only what passed is sent, and only where it is known under which
    licences the weights and the images of its figures are. HF_TOKEN, or hf auth login, says who one is.
    """
    if not dry_run:
        require_extra("publishing", "build", "huggingface_hub")
    upload = _gathered(folder, of_folder(over=over))
    if not json_wanted:
        for name, licence in upload.licences.items():
            click.echo(f"licence of {name}: {licence}")
        click.echo(f"{len(upload.files)} files of {upload.folder}: {', '.join(upload.files)}")
    commit = None if dry_run else send(upload, repository, private)
    if json_wanted:
        print_json({"files": upload.files, "licences": dict(upload.licences), "commit": commit})
    elif commit:
        click.echo(commit)


def _gathered(folder: Path, config: Mapping[str, Any]) -> Upload:
    """What of a folder may be published, by its model's card and the configuration."""
    card = folder.parent.parent / "weights" / f"{folder.resolve().name}.json"
    if not card.is_file():
        raise ZooError(
            f"{folder} is no folder of a model that was built (results/<device>/<model>): no {card}"
        )
    sets = config.get("image_sets") or {}
    return gather(folder, ModelCard.read(card), sets, (Path(), workflow.home()))
