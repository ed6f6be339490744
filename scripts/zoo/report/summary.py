"""The evaluation as a table, in Markdown and CSV: what artifacts answer, how fast and how large they are."""

from collections.abc import Iterable, Sequence

from zoo.report import formats
from zoo.report.findings import remarks
from zoo.report.records import ModelRecords
from zoo.report.row import Row, render_csv

# fmt: off
FIELDS = (
    "model", "device", "artifact", "precision", "format", "bytes", "parameters", "multiply_adds",
    "image_set", "images", "top1", "top5", "top1_drop", "evaluated_agreement",
    "latency_1_ms", "threads_all", "latency_all_ms", "streams", "fps", "fps_ratio", "software_gpu", "verdict",
)
"""The columns of the CSV, of those that a row has."""

HEADINGS = (
    "device", "artifact", "MB", "top-1, %", "top-5, %", "drop, points", "agreement, %",
    "1 thread, ms", "all threads, ms", "frames/s",
)
# fmt: on


def render_summary_csv(rows: Iterable[Row]) -> str:
    """One line an artifact, values as they are: shares of 1, bytes, ms."""
    return render_csv(rows, FIELDS)


def render_summary(rows: Sequence[Row], models: Sequence[ModelRecords]) -> str:
    """A section a model, in Markdown: what it is, what it was evaluated on, and its artifacts as a table."""
    parts = ["# Evaluation", "", *_explained(rows), ""]
    for model in models:
        own = [row for row in rows if row.model == model.card.name]
        if own:
            parts += [f"## {own[0].model}", "", _facts(model, own), "", *_table(own), ""]
    if said := remarks(rows, models):
        parts += ["## Worth knowing", "", *(f"- {sentence}" for sentence in said), ""]
    return "\n".join(parts)


def _explained(rows: Sequence[Row]) -> list[str]:
    threads = sorted({row.threads_all for row in rows if row.threads_all})
    streams = sorted({row.streams for row in rows if row.streams})
    sentences = [
        "Drop: percentage points of top-1 lost to the original model in torch. Agreement: images with its "
        "first class. Times are medians of one image; frames/s: all streams together, one thread each."
    ]
    if threads:
        sentences.append(f"All threads: {' or '.join(map(str, threads))}.")
    if streams:
        sentences.append(f"Streams in flight: {' or '.join(map(str, streams))}.")
    hardware = sorted({row.hardware for row in rows if row.hardware})
    return [" ".join(sentences), *(f"Run on: {', '.join(hardware)}." for _ in hardware[:1])]


def _facts(model: ModelRecords, rows: Sequence[Row]) -> str:
    card = model.card
    counts = [f"{formats.millions(card.parameters)} M parameters"]
    if (products := card.multiply_adds) is not None:
        counts.append(f"{formats.millions(products)} M multiply-adds")
    facts = f"{', '.join(counts)}, input {' x '.join(map(str, card.input))}."
    if card.random:
        facts += " **Random weights.**"
    for name, images in dict.fromkeys((row.image_set, row.images) for row in rows if row.images):
        own = [row for row in rows if row.image_set == name and row.reference_top1 is not None]
        original = (
            f"; the original's top-1 is {formats.percent(own[0].reference_top1)} %" if own else ", no labels"
        )
        facts += f" Evaluated on {images} images of {name}{original}."
    return facts


def _table(rows: Sequence[Row]) -> list[str]:
    numbers = len(HEADINGS) - 2
    lines = [_line(HEADINGS), _line([*("---",) * 2, *("---:",) * numbers])]
    return lines + [_line(_cells(row)) for row in rows]


def _cells(row: Row) -> list[str]:
    mark = "*" if row.software_gpu else ""  # a remark says why
    return [
        row.device,
        row.artifact,
        formats.millions(row.bytes),
        formats.percent(row.top1),
        formats.percent(row.top5),
        formats.points(row.top1_drop),
        formats.percent(row.evaluated_agreement),
        formats.milliseconds(row.latency_1_ms) + mark,
        formats.milliseconds(row.latency_all_ms) + mark,
        formats.rate(row.fps) + mark,
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
