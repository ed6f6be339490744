"""Gather all records: one page, one table, and the evaluation as a table to read."""

import sys
from collections.abc import Iterable

from zoo.config.card import ModelCard
from zoo.jobs.files import replacing
from zoo.jobs.records import read_json
from zoo.jobs.reporting import reporting
from zoo.report.findings import remarks
from zoo.report.page import render_html
from zoo.report.row import ModelRecords, render_csv, rows
from zoo.report.summary import render_summary, render_summary_csv

KINDS = ("verify", "bench", "eval", "search", "sensitivity")


def main(
    cards: Iterable[str], proofs: Iterable[str], html: str, csv: str, evaluation: str, evaluation_csv: str
) -> None:
    by_kind: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    for path in proofs:
        by_kind[path.rsplit(".", 2)[1]].append(read_json(path))
    models = []
    for card in map(ModelCard.read, cards):
        mine = {
            kind: [record for record in records if record["model"] == card.name]
            for kind, records in by_kind.items()
        }
        models.append(ModelRecords(card, **mine))
    table = rows(models)
    texts = {
        html: render_html(table, models),
        csv: render_csv(table),
        evaluation: render_summary(table, models),
        evaluation_csv: render_summary_csv(table),
    }
    with replacing(*texts) as temporaries:
        for temporary, text in zip(temporaries, texts.values(), strict=True):
            temporary.write_text(text, encoding="utf-8")
    for remark in remarks(table, models):
        print(f"note: {remark}", file=sys.stderr)


if __name__ == "__main__":
    made = snakemake.output
    with reporting(snakemake.log[0], "report"):
        main(
            snakemake.input.cards,
            snakemake.input.proofs,
            made.html,
            made.csv,
            made.evaluation,
            made.evaluation_csv,
        )
