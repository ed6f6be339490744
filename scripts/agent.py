"""Build the agent that runs artifacts on a target, or take it from this machine's cache."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.targets.build import agent_program

snakemake: Any


def main(
    *, architecture: str, requirements: str, layers: Collection[str] | None, processes: int, output: str
) -> None:
    program = agent_program(architecture, Path(requirements), layers, processes)
    with replacing(output) as (path,):
        shutil.copy(program, path)


if __name__ == "__main__":
    architecture, params = snakemake.wildcards.architecture, snakemake.params
    with reporting(snakemake.log[0], f"agent {architecture}", snakemake):
        main(
            architecture=architecture,
            requirements=params.requirements,
            layers=params.layers,
            processes=snakemake.threads,
            output=snakemake.output[0],
        )
