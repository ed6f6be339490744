"""Make the zoo's site of all records."""

import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.config.settings import Best
from zoo.history.environment import Environment
from zoo.history.lines import read
from zoo.jobs.reporting import reporting
from zoo.jobs.scratch import scratch
from zoo.report.course import with_history
from zoo.report.records import read_records
from zoo.report.row import rows
from zoo.site.build import build_site
from zoo.sweep.tables import architectures

snakemake: Any


def main(
    *,
    cards: Iterable[str],
    proofs: Iterable[str],
    history: str,
    home: str,
    asked: Mapping[str, Mapping[str, Any]],
    site: str,
) -> None:
    lines, sentences = read(Path(history))
    models = with_history(read_records(cards, proofs), lines, Environment.now(Path(), Path(home)))
    shipped = {model: Best(**values) for model, values in asked.items()}
    with scratch(site) as folder:
        made = folder / "site"
        build_site(models, rows(models), made, Path(site).parent, architectures(Path()), shipped)
        shutil.rmtree(site, ignore_errors=True)
        made.replace(site)
    for sentence in sentences:
        print(f"note: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    with reporting(snakemake.log[0], "site", snakemake):
        main(
            cards=snakemake.input.cards,
            proofs=snakemake.input.proofs,
            history=snakemake.params.history,
            home=snakemake.params.home,
            asked=snakemake.params.asked,
            site=snakemake.output[0],
        )
