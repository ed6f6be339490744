"""List the software that the zoo runs on."""

from pathlib import Path
from typing import Any

from zoo.jobs.reporting import reporting
from zoo.provenance.sbom import write_sbom

snakemake: Any


def main(*, output: str) -> None:
    write_sbom(Path(output))


if __name__ == "__main__":
    with reporting(snakemake.log[0], "sbom", snakemake):
        main(output=snakemake.output[0])
