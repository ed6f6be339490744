"""Gather all records: one page, one table, and the evaluation as a table to read."""

import sys
from pathlib import Path
from typing import Any

from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.report.findings import remarks
from zoo.report.gathered import Gathered, gather
from zoo.report.page import render_html
from zoo.report.row import render_csv
from zoo.report.summary import render_summary, render_summary_csv
from zoo.sweep.tables import architectures

snakemake: Any


def main(*, gathered: Gathered, html: str, csv: str, evaluation: str, evaluation_csv: str) -> None:
    table, models = gathered.rows, gathered.models
    texts = {
        html: render_html(table, models, architectures=architectures(Path()), asked=gathered.asked),
        csv: render_csv(table),
        evaluation: render_summary(table, models),
        evaluation_csv: render_summary_csv(table),
    }
    with replacing(*texts) as temporaries:
        for temporary, text in zip(temporaries, texts.values(), strict=True):
            temporary.write_text(text, encoding="utf-8")
    for remark in (*gathered.notes, *remarks(table, models)):
        print(f"note: {remark}", file=sys.stderr)


if __name__ == "__main__":
    records, said, made = snakemake.input, snakemake.params, snakemake.output
    with reporting(snakemake.log[0], "report", snakemake):
        main(
            gathered=gather(records.cards, records.proofs, said.history, said.home, said.asked),
            html=made.html,
            csv=made.csv,
            evaluation=made.evaluation,
            evaluation_csv=made.evaluation_csv,
        )
