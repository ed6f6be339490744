"""Check a calibration table against an fp32 ncnn model."""

from dataclasses import asdict
from pathlib import Path

import click

from zoo.cli.program import COUNT, Program, as_json, print_json


@click.command("lint-table", cls=Program)
@click.argument("param")
@click.argument("table")
@click.option("--images", type=COUNT, help="How many images it was made from.")
@as_json("print a line of JSON a finding")
def lint_table(param: str, table: str, images: int | None, json_wanted: bool) -> int:
    """Check a calibration TABLE, of ours or of ncnn2table, against the fp32 model's PARAM, whose .bin lies
    beside it. Ends with 1 if a finding is an error."""
    from zoo.ncnn.check import load_checked
    from zoo.quantize.table import read_table
    from zoo.quantize.table_lint import lint_table

    graph = load_checked(Path(param), Path(param).with_suffix(".bin"))
    findings = lint_table(read_table(Path(table)), graph, images)
    for finding in findings:
        print_json(asdict(finding)) if json_wanted else click.echo(finding)
    return int(any(finding.error for finding in findings))
