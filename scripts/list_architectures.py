"""The families of the installed libraries: python scripts/list_architectures.py --write

A sweep is of their list. Without --write this compares them with the list that is kept, and ends with 1 where
they differ.
"""

import click

from zoo.cli.program import Program, run
from zoo.jobs.records import write_json
from zoo.sweep.families import found
from zoo.sweep.listed import LIST, Family, listed


@click.command(cls=Program, help=__doc__)
@click.option("--write", is_flag=True, help="Write the list.")
def main(write: bool) -> int:
    families = list(found())
    if write:
        write_json(as_values(families), LIST)
        return 0
    if others := sorted({family.entry for family in set(families) ^ set(listed())}):
        click.echo(f"the list differs from the installed libraries in: {', '.join(others)}", err=True)
    return int(bool(others))


def as_values(families: list[Family]) -> dict[str, dict[str, dict[str, object]]]:
    values: dict[str, dict[str, dict[str, object]]] = {}
    for family in families:
        entry = {"entry": family.entry, "parameters": family.parameters}
        values.setdefault(family.library, {})[family.name] = entry
    return values


if __name__ == "__main__":
    run(main)
