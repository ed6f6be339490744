"""The report as one HTML page that needs no network: style, scripts and charts are inside it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from zoo.config.settings import Best
from zoo.report import formats
from zoo.report.artifact_names import sort_key
from zoo.report.charts.style import BASE, beyond_base, colour
from zoo.report.charts.trade_off import LATENCIES, MEASURES, legend, trade_offs
from zoo.report.course import CURVES, HEIGHT, WIDTH
from zoo.report.findings import is_slow, remarks
from zoo.report.records import ModelRecords
from zoo.report.row import Row, render_csv
from zoo.report.section import Section, section
from zoo.report.shipping import shipments
from zoo.report.templates import SCRIPTS, asset, environment, plotly
from zoo.sweep.tables import Architectures


@dataclass(frozen=True)
class Column:
    """A column of the zoo table: a field of Row, its heading, what it means, how it is written, and whether
    it is shown before all are asked for."""

    field: str
    title: str
    unit: str
    meaning: str
    text: Callable[[Any], str] = formats.plain
    main: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the column is sorted by value rather than alphabetically."""
        return self.text is not formats.plain


COLUMNS = (
    Column("verdict", "Verdict", "", "Whether it meets every gate of the configuration.", main=True),
    Column("model", "Model", "", "The model's name in the configuration.", main=True),
    Column("device", "Device", "", "cpu; gpu: ncnn on Vulkan; or a target.", main=True),
    Column(
        "artifact",
        "Artifact",
        "",
        "The files' name: without an ending ncnn's, .onnx, TorchScript.",
        main=True,
    ),
    Column("bytes", "Size", "MB", "All files of the artifact, in 10⁶ bytes.", formats.millions, main=True),
    Column(
        "sqnr_db", "SQNR", "dB", "Signal to quantization noise of the outputs.", formats.decibels, main=True
    ),
    Column("latency_1_ms", "1 thread", "ms", "Median latency of an image.", formats.milliseconds, main=True),
    Column(
        "ratio_1", "1 thread", "of fp32", "That, over fp32 in ncnn timed in turn.", formats.ratio, main=True
    ),
    Column("agreement", "Agree", "%", "Images with the original's first class.", formats.percent),
    Column("cosine_min", "Cosine", "worst", "To the original's outputs, worst image.", formats.cosine),
    Column("top1", "Top-1", "%", "Accuracy on the labelled evaluation images.", formats.percent),
    Column("top5", "Top-5", "%", "The label among the first five classes.", formats.percent),
    Column("top1_drop", "Drop", "points", "Percentage points of top-1 lost to the original.", formats.points),
    Column("latency_all_ms", "All threads", "ms", "Median latency on all CPUs.", formats.milliseconds),
    Column("ratio_all", "All threads", "of fp32", "That, over fp32 in ncnn timed in turn.", formats.ratio),
    Column("fps", "Frames", "a second", "Streams in flight, a thread each: one a CPU.", formats.rate),
    Column("parameters", "Params", "M", "Parameters of the original model, in 10⁶.", formats.millions),
    Column(
        "multiply_adds", "MACs", "M", "Multiply-adds of an image: torch's count, in 10⁶.", formats.millions
    ),
)
"""The first ones, which always show, tell which artifact it is and whether it can be used."""
FILTERS = ("device", "precision", "format", "verdict")
SHOWN_REMARKS = 6
"""Remarks beyond these are shown when asked for."""


def render_html(
    rows: Sequence[Row],
    models: Sequence[ModelRecords],
    title: str = "Model zoo",
    architectures: Architectures | None = None,
    asked: Mapping[str, Best] | None = None,
) -> str:
    """The page for `rows`, with a section for each of `models`, and one for architectures that a sweep tried.
    asked: what is to be shipped of each model. Equal input gives equal text.

    Raises ZooError when a record does not belong to its model.
    """
    sections = [section(model, rows) for model in models]
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            style=asset("page.css"),
            script="\n".join(map(asset, SCRIPTS)),
            plotly=plotly(),
            shipments=shipments(models, rows, asked),
            shown_remarks=SHOWN_REMARKS,
            verdicts=Counter(row.verdict for row in rows),
            remarks=remarks(rows, models),
            machines=_machines(models),
            figures=figures_of(rows, sections),
            **of_table(rows),
            sections=sections,
            architectures=architectures,
        )
    )


def figures_of(rows: Sequence[Row], sections: Sequence[Section]) -> dict[str, Any]:
    """What the page's scripts draw: what layouts share, the trade-offs, and the sections' charts by name."""
    by_choice = {
        choice: found | {"panels": {model: beyond_base(panel) for model, panel in found["panels"].items()}}
        for choice, found in trade_offs(rows).items()
    }
    of_sections = {name: figure for section in sections for name, figure in section.figures.items()}
    return {"base": BASE, "trade-off": by_choice} | {
        name: beyond_base(figure) for name, figure in of_sections.items()
    }


def of_table(rows: Sequence[Row]) -> dict[str, Any]:
    """What the templates of the table, of the charts and of a model's section are given beside a section."""
    return {
        "columns": COLUMNS,
        "filters": {name: _choices(rows, name) for name in FILTERS},
        "rows": rows,
        "is_slow": is_slow,
        "csv": "data:text/csv;charset=utf-8," + quote(render_csv(rows)),
        "models": list(dict.fromkeys(row.model for row in rows)),
        "legend": legend(rows),
        "image_sets": _image_sets(rows),
        "measures": MEASURES,
        "latencies": LATENCIES,
        "best_measure": _best_measure(rows),
        "colour": colour,
        "curves": CURVES,
        "width": WIDTH,
        "height": HEIGHT,
    }


def _machines(models: Iterable[ModelRecords]) -> dict[str, list[str]]:
    """Device -> its hardware, with the runtimes that ran on it, as verifications and benchmarks have them; of
    a target also the features of its processor, and where only a part of the images was taken, how many."""
    versions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for model in models:
        ran = [(proof.device, proof.runtime) for proof in model.verify]
        for device, runtime in [*ran, *((proof.device, proof.runtime) for proof in model.bench)]:
            if runtime:
                name = runtime.device + (", a software GPU" if runtime.software_gpu else "")
                name += f" ({', '.join(runtime.features)})" if runtime.features else ""
                versions[device, name].add(f"{runtime.name} {runtime.version}")
    told: dict[str, list[str]] = {}
    for (device, name), words in sorted(
        versions.items(), key=lambda each: (sort_key(each[0][0], ""), each[0])
    ):
        told.setdefault(device, []).append(f"{name}: {', '.join(sorted(words))}")
    return told


def _image_sets(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Figures -> the image sets that they were taken on, with how many images of each."""
    judged = {(row.judged_images, row.judged_on) for row in rows if row.judged_on}
    labelled = {(row.images, row.image_set) for row in rows if row.image_set and row.top1 is not None}
    found = {"Agreement, cosine and SQNR": judged, "Top-1, top-5 and drop": labelled}
    return {
        what: [f"{images} images of {name}" for images, name in sorted(sets, key=lambda each: str(each[1]))]
        for what, sets in found.items()
        if sets
    }


def _best_measure(rows: Sequence[Row]) -> str:
    """SQNR, which tells artifacts apart where all answer alike, unless nothing has one."""
    return next((name for name in MEASURES if any(getattr(row, name) is not None for row in rows)), "")


def _choices(rows: Sequence[Row], name: str) -> list[str]:
    return list(dict.fromkeys(formats.plain(getattr(row, name)) for row in rows))
