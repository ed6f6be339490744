"""Write a config.yaml for a model, or add the model to the one that is there."""

import shlex
from pathlib import Path
from typing import Any

import click

from zoo.cli import workflow
from zoo.cli.looks.looked_at import entry_of
from zoo.cli.program import Program, as_json, print_json
from zoo.config.reading.model_files import of_folder
from zoo.errors import ZooError, require_extra
from zoo.jobs.files import replacing

_SHIPPED = """\
# The models of this zoo, and the images that they are calibrated and judged on. Every key is described in
# ncnn-zoo's rules/config.schema.yaml.
image_sets:
  natural: {path: calib/natural, crops: true}  # ncnn-zoo's own photographs
  heldout: {path: calib/heldout, crops: {smallest: 0.7}}

defaults:
  calibration: {set: natural, images: 100}
  verification: {set: heldout, images: 100}
  evaluation: {set: heldout, images: 50, seed: 1}

models:
"""


@click.command(cls=Program)
@click.argument("model")
@click.option("--name", help="What to call it (default: as the architecture, or the file).")
@click.option("--timm", "architecture", metavar="NAME", help="The architecture of a file of weights.")
@click.option("--labels", metavar="FILE", help="The names of its classes, one a line.")
@click.option("--images", metavar="FOLDER", help="Photographs like those it will see, a folder a class.")
@as_json("print the entry and what was found out")
def init(
    model: str,
    name: str | None,
    architecture: str | None,
    labels: str | None,
    images: str | None,
    json_wanted: bool,
) -> None:
    """Write a config.yaml for MODEL, or add it to the one that is there.

    MODEL is an architecture (convnext_atto, torchvision:resnet18), an ONNX or TorchScript file, or a file of
    weights (.safetensors, .pth): then its architecture, the number of its classes, and how its tensors are
    matched are found out by looking at it.
    """
    require_extra("zoo init", "build", "torch", "timm")
    called, entry, found = entry_of(model, architecture)
    called = name or called
    if labels:
        entry["labels"] = labels
    sets: dict[str, Any] = {}
    if images:
        sets, choices, told = _photographs(images, called)
        entry |= choices
        found.append(told)
    _check(called, entry, sets)
    _add(called, entry, sets)
    if json_wanted:
        print_json({"name": called, "entry": entry, "found": found, "file": str(workflow.CONFIG)})
        return
    for each in found:
        click.echo(f"{called}: {each}")
    click.echo(f"{workflow.CONFIG} has it now: {_flow(called, entry)}Next: zoo build {shlex.quote(called)}")


def _photographs(folder: str, model: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Image sets of a folder of class folders, a model's choice of them, and how many images there are.
    Raises ZooError, as its reader does, for what is no such folder."""
    from zoo.images.splits import Split, split_entries

    parts = {part: len(split_entries(Path(folder), Split(part))) for part in ("train", "test")}
    sets: dict[str, Any] = {f"{model}_{part}": {"path": folder, "split": part} for part in parts}
    sets[f"{model}_test"]["labels"] = True
    train, test = ({"set": f"{model}_{part}", "images": min(100, count)} for part, count in parts.items())
    told = f"{parts['train']} images of {folder} are for calibration, {parts['test']} judge"
    return sets, {"calibration": train, "verification": test, "evaluation": dict(test)}, told


def _check(name: str, entry: dict[str, Any], sets: dict[str, Any]) -> None:
    """Raises ZooError for an entry that no zoo takes, or the name of a target or of another model."""
    from zoo.config.reading import schema_error
    from zoo.config.zoo import Zoo

    if name in workflow.targets():
        raise ZooError(
            f"a model cannot be called {name}, for `snakemake {name}` makes something else: --name"
        )
    if name in (of_folder().get("models") or {}):
        raise ZooError(f"config.yaml has a model {name} already; call this one otherwise: --name")
    config = {"image_sets": sets, "models": {name: entry}}
    schema_error.check(config, workflow.home() / "rules/config.schema.yaml")
    Zoo.of(config)


def _add(name: str, entry: dict[str, Any], sets: dict[str, Any]) -> None:
    """Write the entry as the first of the models, and the image sets as the first of these."""
    text = workflow.CONFIG.read_text(encoding="utf-8") if workflow.CONFIG.is_file() else _SHIPPED
    text = _inserted(text, "models", {name: entry})
    if sets:
        text = _inserted(text, "image_sets", sets)
    with replacing(workflow.CONFIG) as (temporary,):
        temporary.write_text(text, encoding="utf-8")


def _inserted(text: str, block: str, entries: dict[str, Any]) -> str:
    """A configuration with entries that are the first of a block of its top level; the rest stays as it is.
    Raises ZooError if it has no such block."""
    head, key, rest = f"\n{text}".partition(f"\n{block}:\n")
    lines = [_flow(name, entry) for name, entry in entries.items()]
    if not key:
        told = "".join(lines).strip()
        raise ZooError(f"config.yaml has no block `{block}:` to add to; write it there: {told}")
    others = (line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    following = next(others, "")
    indent = following[: len(following) - len(following.lstrip())] or "  "
    return f"{head}{key}{''.join(f'{indent}{line}' for line in lines)}{rest}".removeprefix("\n")


def _flow(name: str, entry: dict[str, Any]) -> str:
    """`name: {timm: convnext_atto.d2_in1k}` and a line's end, as entries are written."""
    import yaml

    return f"{name}: {yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, width=1_000_000)}"
