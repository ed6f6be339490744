"""The difference of two artifacts as a table, as CSV and as a chart."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields

from zoo.measure.compare import Difference
from zoo.report import formats
from zoo.report.depth import depth
from zoo.runners.artifact import Artifact


def table(differences: Sequence[Difference]) -> str:
    """A line a layer, in columns."""
    rows = [("layer", "type", "cosine", "SQNR dB", "max abs")]
    rows += [
        (
            each.layer,
            each.type,
            formats.cosine(each.cosine),
            formats.decibels(each.sqnr_db),
            formats.significant(each.max_abs),
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


def as_csv(differences: Sequence[Difference]) -> str:
    """A line a layer with unrounded figures, for other programs."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(Difference)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(each) for each in differences)
    return text.getvalue()


def plot(first: Artifact, second: Artifact, differences: Sequence[Difference]) -> str:
    """A page that opens offline: SQNR over depth."""
    from plotly.io import to_html

    layers = [asdict(each) for each in differences]
    record = second.heading() | {"divergence": {"layers": layers, "first": None}}
    figure = depth([record], second.device)
    assert figure is not None  # there is one for any layer
    shown = {"data": figure["data"], "layout": figure["layout"]}
    shown["layout"]["yaxis"]["title"]["text"] = "SQNR, dB"
    shown["layout"]["title"] = {"text": f"{second} against {first}"}
    shown["layout"]["margin"]["t"] = 56
    page: str = to_html(shown, include_plotlyjs=True, full_html=True)
    return page
