"""The report as one HTML page that needs no network: style, scripts and charts are inside it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from zoo.report import formats
from zoo.report.artifact_names import sort_key
from zoo.report.charts.style import colour
from zoo.report.charts.trade_off import LATENCIES, MEASURES, trade_offs
from zoo.report.course import CURVES, HEIGHT, WIDTH
from zoo.report.findings import is_slow, remarks
from zoo.report.records import ModelRecords
from zoo.report.row import Row, render_csv
from zoo.report.section import section
from zoo.report.templates import PLOTLY, asset, environment
from zoo.sweep.tables import Architectures


@dataclass(frozen=True)
class Column:
    """A column of the zoo table: a field of Row, its heading, what it means, and how it is written."""

    field: str
    title: str
    unit: str
    meaning: str
    text: Callable[[Any], str] = formats.plain

    @property
    def numeric(self) -> bool:
        """Whether the column is sorted by value rather than alphabetically."""
        return self.text is not formats.plain


COLUMNS = (
    Column("model", "Model", "", "The model's name in the configuration."),
    Column("device", "Device", "", "cpu; gpu: ncnn on Vulkan; or a target."),
    Column("precision", "Precision", "", "How weights are stored; int8 also computes in int8."),
    Column("format", "Format", "", "What the file is for: ncnn, ONNX Runtime or TorchScript."),
    Column("bytes", "Size", "MB", "All files of the artifact, in 10⁶ bytes.", formats.millions),
    Column("parameters", "Params", "M", "Parameters of the original model, in 10⁶.", formats.millions),
    Column(
        "multiply_adds", "MACs", "M", "Multiply-adds of an image: torch's count, in 10⁶.", formats.millions
    ),
    Column("top1", "Top-1", "%", "Accuracy on the labelled evaluation images.", formats.percent),
    Column("top5", "Top-5", "%", "The label among the first five classes.", formats.percent),
    Column("top1_drop", "Drop", "points", "Percentage points of top-1 lost to the original.", formats.points),
    Column("agreement", "Agree", "%", "Images with the original's first class.", formats.percent),
    Column("cosine_min", "Cosine", "worst", "To the original's outputs, worst image.", formats.cosine),
    Column("sqnr_db", "SQNR", "dB", "Signal to quantization noise of the outputs.", formats.decibels),
    Column("latency_1_ms", "1 thread", "ms", "Median latency of an image.", formats.milliseconds),
    Column("ratio_1", "1 thread", "of fp32", "That, over fp32 in ncnn timed in turn.", formats.ratio),
    Column("latency_all_ms", "All threads", "ms", "Median latency on all CPUs.", formats.milliseconds),
    Column("ratio_all", "All threads", "of fp32", "That, over fp32 in ncnn timed in turn.", formats.ratio),
    Column("fps", "Frames", "a second", "Streams in flight, a thread each: one a CPU.", formats.rate),
    Column("verdict", "Verdict", "", "Whether it meets every gate of the configuration."),
)
FILTERS = ("device", "precision", "format", "verdict")


def render_html(
    rows: Sequence[Row],
    models: Sequence[ModelRecords],
    title: str = "Model zoo",
    architectures: Architectures | None = None,
) -> str:
    """The page for `rows`, with a section for each of `models`, and one for architectures that a sweep tried.
    Equal input gives equal text.

    Raises ZooError when a record does not belong to its model.
    """
    sections = [section(model, rows) for model in models]
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            style=asset("page.css"),
            script=asset("page.js"),
            plotly=asset(PLOTLY),
            columns=COLUMNS,
            filters={name: _choices(rows, name) for name in FILTERS},
            rows=rows,
            verdicts=Counter(row.verdict for row in rows),
            remarks=remarks(rows, models),
            is_slow=is_slow,
            csv="data:text/csv;charset=utf-8," + quote(render_csv(rows)),
            machines=_machines(models),
            measures=MEASURES,
            latencies=LATENCIES,
            best_measure=_best_measure(rows),
            colour=colour,
            curves=CURVES,
            width=WIDTH,
            height=HEIGHT,
            figures={"trade-off": trade_offs(rows)}
            | {name: figure for section in sections for name, figure in section.figures.items()},
            sections=sections,
            architectures=architectures,
        )
    )


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


def _best_measure(rows: Sequence[Row]) -> str:
    """The measure that most artifacts have; accuracy before agreement."""
    return max(MEASURES, key=lambda name: sum(getattr(row, name) is not None for row in rows))


def _choices(rows: Sequence[Row], name: str) -> list[str]:
    return list(dict.fromkeys(formats.plain(getattr(row, name)) for row in rows))
