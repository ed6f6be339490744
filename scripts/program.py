"""Compile the program of a deploy bundle for the target that it is for."""

from pathlib import Path
from typing import Any

from zoo.deploy.compiled import compile_program
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch

snakemake: Any


def main(
    *, bundle: str, architecture: str, requirements: str, processes: int, program: str, record: str
) -> None:
    with replacing(program, record) as (path, about), scratch(program) as folder:
        made = compile_program(Path(bundle), architecture, Path(requirements), folder, path, processes)
        made.write(about)


if __name__ == "__main__":
    names, params = snakemake.wildcards, snakemake.params
    with reporting(snakemake.log[0], f"program {names.target}/{names.model}/{names.bundled}", snakemake):
        main(
            bundle=snakemake.input[0],
            architecture=params.architecture,
            requirements=params.requirements,
            processes=snakemake.threads,
            program=snakemake.output.program,
            record=snakemake.output.record,
        )
