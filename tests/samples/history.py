"""Lines of history as builds would write them."""

from dataclasses import replace

from samples import report
from zoo.history.environment import Environment
from zoo.history.figures import Figures, Metric, figures_of

ENVIRONMENT = Environment("2026-11-01T08:00:00Z", "0123456789ab", report.VERSIONS, report.HOST, report.CPU)


def figures(
    artifact: str = "int8", device: str = "cpu", model: str = "net", **metrics: float | None
) -> Figures:
    """The line of an artifact with all proofs, its layers too. metrics: in place of what the proofs say;
    None: not measured."""
    place = {"device": device, "artifact": artifact}
    made = figures_of(
        report.verification(model, **place),
        report.evaluation(model, **place),
        report.benchmark(model, **place),
        ENVIRONMENT,
        with_layers=True,
    )
    return changed(made, **metrics)


def changed(line: Figures, **metrics: float | Metric | None) -> Figures:
    """A line with other figures."""
    own = dict(line.figures[line.name])
    for name, value in metrics.items():
        own.pop(name, None)
        if value is not None:
            own[name] = value if isinstance(value, Metric) else Metric(value)
    return replace(line, figures={line.name: own})


def course(model: str, artifact: str = "int8", device: str = "cpu", builds: int = 6) -> list[Figures]:
    """The lines of several builds: the SQNR falls in the last one, which fails; the second was on another
    machine."""
    lines = []
    for index in range(builds):
        base = figures(artifact, device, model)
        sqnr, latency, size = (base.value(name) for name in ("sqnr_db", "latency_ms", "bytes"))
        last = index == builds - 1
        line = changed(
            replace(
                base,
                time=f"2026-11-{3 * index + 1:02}T08:00:00Z",
                commit=f"{index:x}" * 12,
                versions=report.VERSIONS | {"ncnn": f"1.0.2026{index + 1:02}01"},
                layers=(),
            ),
            sqnr_db=sqnr + 0.7 * (index % 3) - 9 * last,
            latency_ms=Metric(latency * (1 + 0.04 * (index % 2)), 0.97 * latency, 1.1 * latency),
            bytes=size - 20_000 * index,
        )
        if index == 1:
            line = changed(line, latency_ms=5 * latency)
            line = replace(line, machine=replace(line.machine, processor="Another CPU", host="laptop"))
        if last:
            line = replace(line, passed=False, failures=("SQNR is below the gate",))
        lines.append(line)
    return lines
