"""How two artifacts differ, layer by layer."""

from dataclasses import asdict
from pathlib import Path

import click

from zoo.cli.program import DEVICE, Program, as_json, card_option, print_json


@click.command(cls=Program)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("image")
@card_option("an artifact")
@click.option("--device", type=DEVICE, help="Default: that of each artifact's folder.")
@click.option("--csv", metavar="FILE", help="Also write the table to this file.")
@click.option("--plot", metavar="FILE", help="Also write a chart, an .html file that opens offline.")
@as_json("print a line of JSON a layer instead of the table")
def compare(
    first: str,
    second: str,
    image: str,
    card: str | None,
    device: str | None,
    csv: str | None,
    plot: str | None,
    json_wanted: bool,
) -> None:
    """How far each layer of B is from A, which counts as right.

    A and B are files of a zoo by their names there, such as int8.param, fp32.onnx or torchscript.pt in
    results/cpu/MODEL. IMAGE is an image file, or an .npz file with arrays of all inputs.
    """
    from zoo.images.decode import read_inputs
    from zoo.images.sets import Sample
    from zoo.measure.compare import check_same_model, comparable, compare
    from zoo.report.comparison import as_csv, table
    from zoo.report.comparison import plot as chart
    from zoo.runners.artifact import find_artifact

    (one, described), (two, other) = (find_artifact(path, card, device) for path in (first, second))
    check_same_model(described, other)
    name = Path(image).name
    differences = compare(one, two, read_inputs(Sample(name, Path(image)), described.feed))
    if csv is not None:
        _write(as_csv(differences), csv)
    if plot is not None:
        _write(chart(one, two, differences), plot)
    if json_wanted:
        for each in differences:
            print_json(asdict(each))
        return
    told = "" if comparable(one, two) else "; outputs only, for the formats do not name the same layers"
    click.echo(f"{two} against {one}, {name}{told}\n\n{table(differences)}")


def _write(text: str, path: str) -> None:
    from zoo.jobs.files import replacing

    with replacing(path) as (temporary,):
        temporary.write_text(text, encoding="utf-8")
