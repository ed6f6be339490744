"""The difference of two artifacts as a table, as CSV and as a chart."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields

from zoo.config.records.verification import LayerDifference
from zoo.report import formats
from zoo.report.charts.depth import line
from zoo.report.charts.style import layout
from zoo.report.templates import asset, environment, plotly
from zoo.runners.artifact import Artifact


def table(differences: Sequence[LayerDifference]) -> str:
    """A line a layer, in columns."""
    rows = [("layer", "type", "cosine", "SQNR dB", "max abs")]
    rows += [
        (
            each.layer,
            each.type,
            formats.cosine(each.cosine),
            formats.decibels(each.sqnr_db),
            "not a number" if each.max_abs is None else formats.significant(each.max_abs),
        )
        for each in differences
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if place < 2 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_csv(differences: Sequence[LayerDifference]) -> str:
    """A line a layer with unrounded figures, for other programs."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(LayerDifference)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(each) for each in differences)
    return text.getvalue()


def plot(first: Artifact, second: Artifact, differences: Sequence[LayerDifference]) -> str:
    """A page that opens offline: SQNR over depth."""
    axes = layout("Layer, in the graph's order", "SQNR, dB")
    axes["title"] = {"text": f"{second} against {first}"}
    axes["margin"]["t"] = 56
    figure = {"data": [line(second.name, differences)], "layout": axes}
    template = environment().get_template("comparison.html.j2")
    return template.render(
        title=axes["title"]["text"], figure=figure, plotly=plotly(), script=asset("charting.js")
    )
