"""Take one family's smallest architecture through every artifact; write the row whatever comes out."""

from pathlib import Path
from typing import Any

from zoo.config.model_spec import ModelSpec
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch
from zoo.sweep.limited import row_of
from zoo.sweep.listed import entry_of
from zoo.sweep.row import Row

snakemake: Any


def main(*, library: str, family: str, home: str, log: str, output: str) -> None:
    entry = entry_of(library, family)
    spec = ModelSpec.from_config(family, {library: entry, "weights": {"random": 0}})
    with scratch(log) as folder:
        row_of(spec, Row(library, family, entry), Path(home), folder).write(output)


if __name__ == "__main__":
    library, family = snakemake.wildcards.library, snakemake.wildcards.family
    with reporting(snakemake.log[0], f"sweep {library}/{family}", snakemake):
        main(
            library=library,
            family=family,
            home=snakemake.params.home,
            log=snakemake.log[0],
            output=snakemake.output[0],
        )
