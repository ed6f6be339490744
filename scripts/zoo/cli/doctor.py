"""What a model becomes, before any weights are fetched; and whether the machine is fit."""

import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from zoo.cli import workflow
from zoo.cli.program import Program, as_json, print_json
from zoo.config.reading.model_files import of_folder
from zoo.errors import require_extra

_SIGNS = {True: "ok", None: "--", False: "NO"}


@click.command(cls=Program)
@click.argument("model", required=False, shell_complete=workflow.complete_models)
@click.option("--size", type=int, nargs=2, metavar="H W", help="Of its image.")
@click.option("--seconds", type=float, default=600, show_default=True, help="How long it may take.")
@workflow.configured
@as_json()
def doctor(
    model: str | None,
    size: tuple[int, int] | None,
    seconds: float,
    over: tuple[Path, ...],
    json_wanted: bool,
) -> int:
    """What MODEL becomes, before any weights are fetched; without one, whether this machine is fit.

    MODEL is a name of timm's, torchvision's or open_clip's (timm:NAME where several have it), a model of
    config.yaml, or an ONNX or TorchScript file. Weights are random but for a file. Ends with 0 if it can be
    built for ncnn, or if files can be run on this machine.
    """
    return _machine(json_wanted) if model is None else _model(model, size, seconds, over, json_wanted)


def _machine(json_wanted: bool) -> int:
    from zoo.cli.looks.machine import facts

    found = list(facts())
    if json_wanted:
        print_json([asdict(each) for each in found])
    else:
        width = max(len(each.name) for each in found)
        for each in found:
            advice = f"; {each.advice}" if each.advice else ""
            click.echo(f"{_SIGNS[each.ok]}  {each.name:<{width}}  {each.value}{advice}")
    return int(any(each.ok is False for each in found))


def _model(
    model: str,
    size: tuple[int, int] | None,
    seconds: float,
    over: tuple[Path, ...],
    json_wanted: bool,
) -> int:
    require_extra("zoo doctor MODEL", "build", "torch", "timm", "pnnx", "onnxsim")
    from zoo.sweep.doctor import in_words, spec_of
    from zoo.sweep.limited import row_of
    from zoo.sweep.row import FP32, Row

    spec = spec_of(model, of_folder(over=over), size)
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        start = Row(spec.library, "", spec.architecture)
        row = row_of(spec, start, workflow.home(), Path(folder), seconds, small=False, patience=1)
    if json_wanted:
        print_json(asdict(row))
    else:
        click.echo(in_words(spec, row))
    return 0 if row.works(FP32) else 1
