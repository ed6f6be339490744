"""The course of an artifact's figures over builds: small charts that need no script, drawn as SVG."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from zoo.history.environment import Environment
from zoo.history.figures import Figures, Machine, figures_of
from zoo.history.lines import news
from zoo.report import formats
from zoo.report.artifact_names import precision_and_format, sort_key
from zoo.report.charts.style import colour
from zoo.report.records import ModelRecords, by_artifact

WIDTH, HEIGHT = 200.0, 44.0
"""Of a chart, in pixels."""
_EDGE = 7.0
LAST = 60
"""Builds that are drawn: a point needs some three pixels."""


@dataclass(frozen=True)
class Curve:
    """A figure over builds. name: its measure in `Figures`. least: what the chart spans at least, for noise
    to look small: in the figure's unit, or `relative` to its value."""

    name: str
    title: str
    unit: str
    text: Callable[[float | None], str]
    least: float
    relative: bool = False

    def span(self, values: Sequence[float]) -> tuple[float, float]:
        """The values at the lower and the upper edge."""
        low, high = min(values), max(values)
        least = self.least * (abs(high) if self.relative else 1.0) or 1.0
        room = max(0.0, least - (high - low)) / 2
        return low - room, high + room


CURVES = (
    Curve("sqnr_db", "SQNR", "dB", formats.decibels, 2.0),
    Curve("latency_ms", "1 thread", "ms", formats.milliseconds, 0.3, relative=True),
    Curve("bytes", "Size", "MB", formats.millions, 0.05, relative=True),
)


@dataclass(frozen=True)
class Point:
    """A build in a chart: where, and what is told of it."""

    x: float
    y: float
    failed: bool
    hover: str


@dataclass(frozen=True)
class Chart:
    """A curve as it is drawn; values: the first and the last, or the only one, as text."""

    curve: Curve
    points: tuple[Point, ...]
    values: str

    @property
    def line(self) -> str:
        """The points, as a polyline of SVG has them."""
        return " ".join(f"{point.x:g},{point.y:g}" for point in self.points)


@dataclass(frozen=True)
class Course:
    """The charts of an artifact, in the order of CURVES, None for what was never measured. machine: the one
    that the latencies are of."""

    device: str
    artifact: str
    colour: str
    builds: int
    machine: Machine | None
    charts: tuple[Chart | None, ...]


def with_history(
    models: Iterable[ModelRecords], history: Sequence[Figures], environment: Environment
) -> list[ModelRecords]:
    """The models with the lines of the history that are theirs, and what their records add to it: the build
    that the report is part of appends only when it ends."""
    found = []
    for model in models:
        name = model.card.name
        own = [line for line in history if line.model == name]
        evaluation, bench = by_artifact(name, model.eval), by_artifact(name, model.bench)
        present = [
            figures_of(proof, evaluation.get(place), bench.get(place), environment)
            for place, proof in by_artifact(name, model.verify).items()
        ]
        found.append(replace(model, history=[*own, *news(own, present)]))
    return found


def courses(history: Iterable[Figures]) -> list[Course]:
    """The course of each artifact of a model that more than one build measured, in `sort_key` order."""
    lines: dict[tuple[str, str], list[Figures]] = defaultdict(list)
    for line in history:
        lines[line.device, line.artifact].append(line)
    return [
        _course(*place, own)
        for place, own in sorted(lines.items(), key=lambda item: sort_key(*item[0]))
        if len(own) > 1
    ]


def _course(device: str, artifact: str, lines: Sequence[Figures]) -> Course:
    shown = lines[-LAST:]
    timed = [line.machine for line in shown if line.value("latency_ms") is not None]
    machine = timed[-1] if timed else None
    charts = tuple(_chart(curve, shown, machine) for curve in CURVES)
    precision, _ = precision_and_format(artifact)
    return Course(device, artifact, colour(precision), len(lines), machine, charts)


def _chart(curve: Curve, lines: Sequence[Figures], machine: Machine | None) -> Chart | None:
    """Latencies are of one machine; other figures of all."""
    values = [
        (index, line, value)
        for index, line in enumerate(lines)
        if (value := line.value(curve.name)) is not None
        and (curve.name != "latency_ms" or line.machine == machine)
    ]
    if not values:
        return None
    low, high = curve.span([value for _, _, value in values])
    step = (WIDTH - 2 * _EDGE) / max(len(lines) - 1, 1)
    points = tuple(
        Point(
            round(_EDGE + step * index, 1),
            round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * (value - low) / (high - low), 1),
            not line.passed,
            _hover(curve, line, value),
        )
        for index, line, value in values
    )
    ends = [curve.text(value) for _, _, value in (values[0], values[-1])]
    return Chart(curve, points, " → ".join(ends if len(values) > 1 else ends[:1]))


def _hover(curve: Curve, line: Figures, value: float) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in line.versions.items())
    rows = [
        f"{curve.title} {curve.text(value)} {curve.unit}" + ("" if line.passed else ", failed verification"),
        f"{line.time.replace('T', ' ').replace('Z', ' UTC')}, commit {line.commit or 'unknown'}",
        packages,
        str(line.machine),
    ]
    return "\n".join(row for row in rows if row)
