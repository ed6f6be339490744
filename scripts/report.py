"""Gather all records: one page, one table, and the evaluation as a table to read."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.config.settings import Best
from zoo.history.environment import Environment
from zoo.history.lines import read
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting
from zoo.report.course import with_history
from zoo.report.findings import remarks
from zoo.report.page import render_html
from zoo.report.records import read_records
from zoo.report.row import render_csv, rows
from zoo.report.summary import render_summary, render_summary_csv
from zoo.sweep.tables import architectures

snakemake: Any


def main(
    *,
    cards: Iterable[str],
    proofs: Iterable[str],
    history: str,
    home: str,
    asked: Mapping[str, Mapping[str, Any]],
    html: str,
    csv: str,
    evaluation: str,
    evaluation_csv: str,
) -> None:
    lines, sentences = read(Path(history))
    models = with_history(read_records(cards, proofs), lines, Environment.now(Path(), Path(home)))
    table = rows(models)
    shipped = {model: Best(**values) for model, values in asked.items()}
    texts = {
        html: render_html(table, models, architectures=architectures(Path()), asked=shipped),
        csv: render_csv(table),
        evaluation: render_summary(table, models),
        evaluation_csv: render_summary_csv(table),
    }
    with replacing(*texts) as temporaries:
        for temporary, text in zip(temporaries, texts.values(), strict=True):
            temporary.write_text(text, encoding="utf-8")
    for remark in (*sentences, *remarks(table, models)):
        print(f"note: {remark}", file=sys.stderr)


if __name__ == "__main__":
    made = snakemake.output
    with reporting(snakemake.log[0], "report", snakemake):
        main(
            cards=snakemake.input.cards,
            proofs=snakemake.input.proofs,
            history=snakemake.params.history,
            home=snakemake.params.home,
            asked=snakemake.params.asked,
            html=made.html,
            csv=made.csv,
            evaluation=made.evaluation,
            evaluation_csv=made.evaluation_csv,
        )
