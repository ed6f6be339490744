"""From the records of every model to one row per artifact, and those rows as CSV."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.config.records.benchmark import Benchmark
from zoo.config.records.card import ModelCard
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.steadiness import doubts
from zoo.config.records.verification import Numbers, Verification
from zoo.report.artifact_names import precision_and_format, sort_key
from zoo.report.records import ModelRecords, by_artifact


@dataclass(frozen=True)
class Row:
    """One artifact of the zoo. None stands for "not measured", never for zero.

    Accuracies and agreement are fractions, `top1_drop` is in percentage points (positive: worse than
    the reference), latencies are medians in ms, a ratio is latency over that of `reference` in the
    same run; a doubt says why such a pair cannot be believed. `threads_all` is the largest thread count
    measured, if more than one. `fps`: frames per second of `streams` in flight, `fps_ratio` over that of
    `reference`. `image_set`, `images` and `evaluated_agreement` are of the evaluation; agreement, cosine and
    SQNR were taken on `judged_images` images of `judged_on`.
    """

    model: str
    device: str
    artifact: str
    precision: str
    format: str
    random_weights: bool
    bytes: int | None
    parameters: int | None
    multiply_adds: int | None
    image_set: str | None
    images: int | None
    top1: float | None
    top5: float | None
    reference_top1: float | None
    top1_drop: float | None
    judged_on: str | None
    judged_images: int | None
    agreement: float | None
    evaluated_agreement: float | None
    cosine_min: float | None
    cosine_mean: float | None
    sqnr_db: float | None
    max_abs_error: float | None
    latency_1_ms: float | None
    ratio_1: float | None
    doubt_1: str | None
    threads_all: int | None
    latency_all_ms: float | None
    ratio_all: float | None
    doubt_all: str | None
    reference: str | None
    streams: int | None
    fps: float | None
    fps_ratio: float | None
    peak_memory_bytes: int | None
    hardware: str | None
    software_gpu: bool | None
    verdict: str | None
    failures: tuple[str, ...]


def is_int8(row: Row) -> bool:
    """Whether the artifact is of an int8 precision (int8, int8 static, int8 dynamic)."""
    return row.precision.split(" ")[0] == "int8"


def rows(models: Iterable[ModelRecords]) -> list[Row]:
    """One row per artifact that has a record: models as given, then in `sort_key` order.

    Agreement, cosine and SQNR are those of the verification, which the verdict rests on; agreement
    and SQNR of the evaluation stand in where the verification has no numbers.
    Raises ZooError when a record does not belong to its model.
    """
    return [row for model in models for row in _rows_of(model)]


def _rows_of(model: ModelRecords) -> Iterator[Row]:
    name = model.card.name
    verify, bench = by_artifact(name, model.verify), by_artifact(name, model.bench)
    evaluation = by_artifact(name, model.eval)
    for place in sorted({*verify, *bench, *evaluation}, key=lambda place: sort_key(*place)):
        yield _row(model.card, place, verify.get(place), bench.get(place), evaluation.get(place))


def _row(
    card: ModelCard,
    place: tuple[str, str],
    verification: Verification | None,
    benchmark: Benchmark | None,
    evaluation: Evaluation | None,
) -> Row:
    device, artifact = place
    precision, form = precision_and_format(artifact)
    proof = benchmark or verification
    runtime = proof.runtime if proof else None
    return Row(
        model=card.name,
        device=device,
        artifact=artifact,
        precision=precision,
        format=form,
        random_weights=card.random,
        bytes=_bytes(verification, benchmark),
        parameters=card.parameters,
        multiply_adds=card.multiply_adds,
        hardware=runtime.device if runtime else None,
        software_gpu=runtime.software_gpu if runtime else None,
        verdict=("passed" if verification.verdict.passed else "failed") if verification else None,
        failures=verification.verdict.failures if verification else (),
        **_accuracy(evaluation),
        **_closeness(verification.numbers if verification else None, evaluation),
        **_speed(benchmark),
    )


def _bytes(verification: Verification | None, benchmark: Benchmark | None) -> int | None:
    if benchmark:
        return benchmark.bytes
    files = verification.structure.files if verification else ()
    return sum(file.bytes for file in files) if files else None


def _accuracy(evaluation: Evaluation | None) -> dict[str, Any]:
    """The figures of an evaluation alone."""
    names = ("image_set", "images", "top1", "top5", "reference_top1", "top1_drop")
    figures = {name: getattr(evaluation, name, None) for name in names}
    return figures | {"evaluated_agreement": evaluation.agreement if evaluation else None}


def _closeness(numbers: Numbers | None, evaluation: Evaluation | None) -> dict[str, Any]:
    """How close an artifact is: by its verification, or as far as the evaluation can tell."""
    if numbers is None:
        unknown = dict.fromkeys(("cosine_min", "cosine_mean", "max_abs_error"))
        names = {"judged_on": "image_set", "judged_images": "images"}
        names |= {name: name for name in ("agreement", "sqnr_db")}
        return unknown | {name: getattr(evaluation, own, None) for name, own in names.items()}
    return {
        "judged_on": numbers.image_set,
        "judged_images": numbers.images,
        "agreement": numbers.top1_agreement,
        "cosine_min": numbers.cosine.min,
        "cosine_mean": numbers.cosine.mean,
        "sqnr_db": numbers.sqnr_db,
        "max_abs_error": numbers.max_abs_error,
    }


def _speed(benchmark: Benchmark | None) -> dict[str, Any]:
    """What a benchmark measured, at one thread and at the most."""
    most = max((entry.threads for entry in benchmark.latency), default=1) if benchmark else 1
    single = benchmark.at(1) if benchmark else None
    multi = benchmark.at(most) if benchmark and most > 1 else None
    in_doubt = doubts(benchmark) if benchmark else {}
    timed, flow = single or multi, benchmark.throughput if benchmark else None
    return {
        "latency_1_ms": single.median_ms if single else None,
        "ratio_1": single.ratio if single else None,
        "doubt_1": in_doubt.get(1),
        "threads_all": multi.threads if multi else None,
        "latency_all_ms": multi.median_ms if multi else None,
        "ratio_all": multi.ratio if multi else None,
        "doubt_all": in_doubt.get(most) if multi else None,
        "reference": timed.reference.artifact if timed else None,
        "streams": flow.streams if flow else None,
        "fps": flow.fps if flow else None,
        "fps_ratio": flow.ratio if flow else None,
        "peak_memory_bytes": benchmark.peak_memory_bytes if benchmark else None,
    }


def render_csv(rows: Iterable[Row], names: Sequence[str] | None = None) -> str:
    """The rows as CSV with one header line: an unknown value is empty, failures are joined by "; ".

    names: the fields to write; all of them if not given.
    """
    names = names or [column.name for column in dataclasses.fields(Row)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = [getattr(row, name) for name in names]
        writer.writerow(["; ".join(value) if isinstance(value, tuple) else value for value in values])
    return text.getvalue()
