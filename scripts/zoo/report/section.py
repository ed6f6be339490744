"""A model's section of the page: its records in the order and the words that a reader gets them in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from zoo.config.records.benchmark import Benchmark
from zoo.config.records.best import BestArtifact
from zoo.config.records.card import LOGITS, ModelCard
from zoo.config.records.conversion import Conversion
from zoo.config.records.coverage import Coverage
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.program import Program
from zoo.config.records.verification import Verification
from zoo.deploy.programs import obstacle, programs
from zoo.images.preprocess import Preprocess, mean_norm
from zoo.report.artifact_names import sort_key
from zoo.report.charts.depth import depth
from zoo.report.charts.pareto import FIDELITIES, measures, pareto
from zoo.report.charts.style import Figure
from zoo.report.course import Course, courses
from zoo.report.devices import SideBySide, side_by_side
from zoo.report.layers import Bar, bars, legend
from zoo.report.published import Figures, Origin, published
from zoo.report.records import ModelRecords, by_artifact, by_device
from zoo.report.row import Row
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity
from zoo.search.trials import Trial


@dataclass(frozen=True)
class TrialRow:
    """What a search measured. front, meets: None for what is there to be compared with, not to be chosen."""

    trial: Trial
    chosen: bool
    front: bool | None
    meets: bool | None


@dataclass(frozen=True)
class SearchSection:
    """A search as a table, and charts under the names that the reader chooses by."""

    outcome: SearchOutcome
    rows: tuple[TrialRow, ...]
    choices: Mapping[str, str]
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class LayersSection:
    """Sensitivities as bars. others: the share of time of the layers that have none."""

    sensitivity: Sensitivity
    bars: Sequence[Bar]
    legend: Mapping[str, str]
    others: float


@dataclass(frozen=True)
class Section:
    """What the template is given. source, programs: texts by title; gates: the artifacts by their gates in
    words; devices: None if there is one; depth, figures: charts by name, the latter with the searches'."""

    card: ModelCard
    rows: Sequence[Row]
    verdicts: Mapping[str | None, int]
    source: Mapping[str, str]
    preprocess: Preprocess
    mean_vals: Sequence[float]
    norm_vals: Sequence[float]
    devices: SideBySide | None
    verify: Sequence[Verification]
    gates: Mapping[str, Sequence[str]]
    bench: Sequence[Benchmark]
    evaluation: Mapping[tuple[str, str], Evaluation]
    conversions: Sequence[Conversion]
    coverage: Sequence[Coverage]
    best: Sequence[BestArtifact]
    options: Sequence[RuntimeOptions]
    compiled: Sequence[Program]
    published: Sequence[Figures]
    origins: Sequence[Origin]
    depth: Mapping[str, Figure]
    search: Sequence[SearchSection]
    layers: Sequence[LayersSection]
    courses: Sequence[Course]
    programs: Mapping[str, str]

    @property
    def timed_on(self) -> list[str]:
        """The machines that the courses of latencies are of."""
        return list(dict.fromkeys(str(course.machine) for course in self.courses if course.machine))

    @property
    def figures(self) -> dict[str, Figure]:
        """All charts of the section."""
        return dict(self.depth) | {
            name: figure for search in self.search for name, figure in search.figures.items()
        }


def section(model: ModelRecords, rows: Sequence[Row]) -> Section:
    """The section of a model; rows: of all models. Raises ZooError for records that are not the model's."""
    card, name = model.card, model.card.name
    verify = list(by_artifact(name, model.verify).values())
    own = [row for row in rows if row.model == name]
    figures = published(card)
    mean, norm = mean_norm(card.preprocess)
    return Section(
        card=card,
        rows=own,
        verdicts=Counter(row.verdict for row in own),
        source=facts(card.source),
        preprocess=card.preprocess,
        mean_vals=mean,
        norm_vals=norm,
        devices=side_by_side(own, verify),
        verify=verify,
        gates=_gates(verify),
        bench=list(by_artifact(name, model.bench).values()),
        evaluation=by_artifact(name, model.eval),
        conversions=list(by_device(name, model.conversion, "conversion").values()),
        coverage=list(by_device(name, model.coverage, "coverage").values()),
        best=list(by_device(name, model.best, "best").values()),
        options=_options(model, verify),
        compiled=_compiled(model.program),
        published=figures,
        origins=list({each.source: each.origin for each in figures}.values()),
        depth=_depths(name, verify),
        search=[_search(name, outcome) for outcome in by_device(name, model.search, "search").values()],
        layers=[_layers(each) for each in by_device(name, model.sensitivity, "sensitivity").values()],
        courses=courses(model.history),
        programs={} if obstacle(card) else _programs(card, own, verify),
    )


def anchor(model: str) -> str:
    """The id of a model's section; different names have different ids."""
    return f"model-{quote(model, safe='')}"


def facts(source: Mapping[str, Any]) -> dict[str, str]:
    """What a card says of where its weights come from, as text; a training's recipe and start in one line."""
    return {key.replace("_", " "): _text(value) for key, value in source.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text}" for key, text in facts(value).items())
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)


def _depths(model: str, verify: Sequence[Verification]) -> dict[str, Figure]:
    """The chart of each device's layers, by name."""
    return {
        f"depth-{anchor(model)}-{device}": figure
        for device in dict.fromkeys(proof.device for proof in verify)
        if (figure := depth(verify, device))
    }


def _search(model: str, outcome: SearchOutcome) -> SearchSection:
    candidates = tuple(
        TrialRow(
            candidate,
            candidate.name == outcome.chosen,
            candidate.front,
            candidate.meets if outcome.target else None,
        )
        for candidate in outcome.candidates
    )
    references = tuple(TrialRow(reference, False, None, None) for reference in outcome.references)
    charts = {f"search-{anchor(model)}-{outcome.device}-{name}": name for name in measures(outcome)}
    return SearchSection(
        outcome,
        candidates + references,
        {figure: FIDELITIES[name] for figure, name in charts.items()},
        {figure: pareto(outcome, name) for figure, name in charts.items()},
    )


def _layers(sensitivity: Sensitivity) -> LayersSection:
    shown = bars(sensitivity)
    others = max(0.0, 1 - sum(layer.time_share for layer in sensitivity.layers))
    return LayersSection(sensitivity, shown, legend(shown), others)


def _options(model: ModelRecords, verify: Iterable[Verification]) -> list[RuntimeOptions]:
    """The records of options that artifacts were verified with; others were left from another
    configuration."""
    set_for = {(proof.device, proof.artifact): proof.options for proof in verify}
    records = by_artifact(model.card.name, model.options)
    return [record for key, record in records.items() if record.options == set_for.get(key, record.options)]


def _gates(verify: Iterable[Verification]) -> dict[str, list[str]]:
    """Gates in words -> the artifacts that they were applied to."""
    artifacts: dict[str, list[str]] = {}
    for proof in verify:
        words = ", ".join(f"{gate} {limit:g}" for gate, limit in proof.verdict.gates.items())
        if words and proof.artifact not in artifacts.setdefault(words, []):
            artifacts[words].append(proof.artifact)
    return artifacts


def _compiled(programs: Iterable[Program]) -> list[Program]:
    """One of each device and artifact, in order: the best is built under its own name as well."""
    unique = {(each.device, each.artifact): each for each in programs}
    return [unique[place] for place in sorted(unique, key=lambda place: sort_key(*place))]


def _programs(card: ModelCard, rows: Iterable[Row], verify: Iterable[Verification]) -> dict[str, str]:
    """Programs, by title, that run the smallest ncnn artifact of a model that has not failed, if any."""
    names = [row.artifact for row in rows if row.format == "ncnn" and row.verdict != "failed"]
    if not names:
        return {}
    stem = next((name for name in ("int8", "fp16") if name in names), names[0])
    chosen = next((each.options for each in verify if (each.device, each.artifact) == ("cpu", stem)), None)
    texts = programs(card.preprocess, stem, output=card.output or LOGITS, chosen=chosen)
    return {f"{stem}: {name}": texts[name] for name in ("predict.py", "main.cpp", "preprocess.h")}
