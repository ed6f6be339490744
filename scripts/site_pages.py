"""Make the zoo's site of all records."""

import shutil
import sys
from pathlib import Path
from typing import Any

from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch
from zoo.report.gathered import Gathered, gather
from zoo.site.build import build_site
from zoo.sweep.tables import architectures

snakemake: Any


def main(*, gathered: Gathered, site: str) -> None:
    with scratch(site) as folder:
        made, results = folder / "site", Path(site).parent
        build_site(gathered.models, gathered.rows, made, results, architectures(Path()), asked=gathered.asked)
        shutil.rmtree(site, ignore_errors=True)
        made.replace(site)
    for sentence in gathered.notes:
        print(f"note: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    records, said = snakemake.input, snakemake.params
    with reporting(snakemake.log[0], "site", snakemake):
        main(
            gathered=gather(records.cards, records.proofs, said.history, said.home, said.asked),
            site=snakemake.output[0],
        )
