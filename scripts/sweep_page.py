"""Write the rows of a sweep as a page to read."""

from pathlib import Path
from typing import Any

from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.sweep.listed import listed
from zoo.sweep.page import render
from zoo.sweep.tables import read_rows

snakemake: Any


def main(*, folder: str, output: str) -> None:
    with replacing(output) as (temporary,):
        temporary.write_text(render(read_rows(listed(), Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    with reporting(snakemake.log[0], "architectures", snakemake):
        main(folder="", output=snakemake.output[0])
