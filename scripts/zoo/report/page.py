"""The report as one HTML page that needs no network: style, scripts and charts are inside it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoo.config.card import ModelCard
from zoo.deploy.programs import obstacle, programs
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess, mean_norm
from zoo.report import formats
from zoo.report.charts import colour
from zoo.report.depth import depth
from zoo.report.findings import is_slow, remarks
from zoo.report.layers import bars, legend
from zoo.report.pareto import FIDELITIES, measures, pareto
from zoo.report.published import published
from zoo.report.row import ModelRecords, Record, Row, by_artifact, by_device, render_csv
from zoo.report.trade_off import LATENCIES, MEASURES, trade_offs

HERE = Path(__file__).parent


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
    Column("device", "Device", "", "cpu, or gpu: ncnn on Vulkan."),
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


def render_html(rows: Sequence[Row], models: Sequence[ModelRecords], title: str = "Model zoo") -> str:
    """The page for `rows`, with a section for each of `models`. Equal input gives equal text.

    Raises ZooError when a record does not belong to its model.
    """
    import jinja2
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("percent", "cosine", "points", "decibels", "millions", "milliseconds", "rate", "ratio"):
        environment.filters[name] = getattr(formats, name)
    environment.filters |= {
        "significant": formats.significant,
        "plain": formats.plain,
        "count": formats.count,
    }
    environment.filters |= {"anchor": anchor, "breakable": breakable}
    sections = [_section(model, rows) for model in models]
    return environment.get_template("page.html.j2").render(
        title=title,
        style=_asset("page.css"),
        script=_asset("page.js"),
        plotly=get_plotlyjs(),
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
        figures={"trade-off": trade_offs(rows)}
        | {name: figure for section in sections for name, figure in section["figures"].items()},
        sections=sections,
    )


def anchor(model: str) -> str:
    """The id of a model's section; different names have different ids."""
    return f"model-{quote(model, safe='')}"


def breakable(name: str) -> Any:
    """A name as HTML that may break after an underscore."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def _section(model: ModelRecords, rows: Sequence[Row]) -> dict[str, Any]:
    card = model.card
    verify = list(by_artifact(card, model.verify, "verification").values())
    own = [row for row in rows if row.model == card.name]
    others = published(card)
    mean, norm = mean_norm(card.preprocess)
    depths = {
        f"depth-{anchor(card.name)}-{device}": figure
        for device in dict.fromkeys(record["device"] for record in verify)
        if (figure := depth(verify, device))
    }
    try:
        searches = [_search(card, each) for each in by_device(card, model.search, "search").values()]
        layers = [_layers(each) for each in by_device(card, model.sensitivity, "sensitivity").values()]
    except KeyError as error:
        raise ZooError(
            f"{card.name}: a search or sensitivity record lacks {error}; delete it and build it again"
        ) from error
    return {
        "card": card,
        "rows": own,
        "verdicts": Counter(row.verdict for row in own),
        "source": facts(card.source),
        "preprocess": card.preprocess,
        "mean_vals": mean,
        "norm_vals": norm,
        "verify": verify,
        "gates": _gates(verify),
        "bench": list(by_artifact(card, model.bench, "benchmark").values()),
        "evaluation": by_artifact(card, model.eval, "evaluation"),
        "published": others,
        "origins": list({each["source"]: each["origin"] for each in others}.values()),
        "depth": depths,
        "search": searches,
        "layers": layers,
        "figures": depths | {name: figure for each in searches for name, figure in each["figures"].items()},
        "programs": {} if obstacle(card) else _programs(card.preprocess, own),
    }


def facts(source: Mapping[str, Any]) -> dict[str, str]:
    """What a card says of where its weights come from, as text; a training's recipe and start in one line."""
    return {key.replace("_", " "): _text(value) for key, value in source.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text}" for key, text in facts(value).items())
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _search(card: ModelCard, record: Record) -> dict[str, Any]:
    """A search with a chart for each measure, under the names that the reader chooses by."""
    names = {f"search-{anchor(card.name)}-{record['device']}-{name}": name for name in measures(record)}
    return {
        "record": record,
        "choices": {figure: FIDELITIES[name] for figure, name in names.items()},
        "figures": {figure: pareto(record, name) for figure, name in names.items()},
    }


def _layers(record: Record) -> dict[str, Any]:
    """A sensitivity record as bars; `others` is the share of time of the layers that it does not list."""
    shown = bars(record)
    others = max(0.0, 1 - sum(layer["time_share"] for layer in record["layers"]))
    return {"record": record, "bars": shown, "legend": legend(shown), "others": others}


def _gates(verify: Iterable[Record]) -> dict[str, list[str]]:
    """Gates in words -> the artifacts that they were applied to."""
    found: dict[str, list[str]] = {}
    for record in verify:
        words = ", ".join(f"{gate} {limit:g}" for gate, limit in record["verdict"]["gates"].items())
        artifacts = found.setdefault(words, []) if words else []
        if record["artifact"] not in artifacts:
            artifacts.append(record["artifact"])
    return found


def _programs(record: Preprocess, rows: Iterable[Row]) -> dict[str, str]:
    """Programs, by title, that run the smallest ncnn artifact of a model that has not failed, if any."""
    names = [row.artifact for row in rows if row.format == "ncnn" and row.verdict != "failed"]
    if not names:
        return {}
    stem = next((name for name in ("int8", "fp16") if name in names), names[0])
    texts = programs(record, stem)
    return {f"{stem}: {name}": texts[name] for name in ("predict.py", "main.cpp", "preprocess.h")}


def _machines(models: Iterable[ModelRecords]) -> dict[str, str]:
    """Hardware -> the runtimes that ran on it, in words, as verifications and benchmarks recorded them."""
    found: dict[str, set[str]] = {}
    for model in models:
        for record in (*model.verify, *model.bench):
            if runtime := record["runtime"]:
                name = runtime["device"] + (", a software GPU" if runtime["software_gpu"] else "")
                found.setdefault(name, set()).add(f"{runtime['name']} {runtime['version']}")
    return {name: ", ".join(sorted(runtimes)) for name, runtimes in sorted(found.items())}


def _best_measure(rows: Sequence[Row]) -> str:
    """The measure that most artifacts have; accuracy before agreement."""
    return max(MEASURES, key=lambda name: sum(getattr(row, name) is not None for row in rows))


def _choices(rows: Sequence[Row], name: str) -> list[str]:
    return list(dict.fromkeys(formats.plain(getattr(row, name)) for row in rows))


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
