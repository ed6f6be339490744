"""From the records of every model to one row per artifact, and those rows as CSV."""

import csv
import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.config.artifacts import ARTIFACTS, DEVICES, FORMATS, PRECISIONS
from zoo.config.card import ModelCard
from zoo.errors import ZooError

Record = Mapping[str, Any]
"""One parsed JSON file: a record of what one of the stages found."""


@dataclass(frozen=True)
class ModelRecords:
    """Everything known about one model; what has not been built yet is simply absent.

    The verification, benchmark and evaluation records name their own device and artifact; search and
    sensitivity are about int8, and name their device.
    """

    card: ModelCard
    verify: Sequence[Record] = ()
    bench: Sequence[Record] = ()
    eval: Sequence[Record] = ()
    search: Sequence[Record] = ()
    sensitivity: Sequence[Record] = ()


@dataclass(frozen=True)
class Row:
    """One artifact of the zoo. None stands for "not measured", never for zero.

    Accuracies and agreement are fractions, `top1_drop` is in percentage points (positive: worse than
    the reference), latencies are medians in ms, a ratio is latency over that of `reference` in the
    same run. `threads_all` is the largest thread count measured, if more than one. `fps`: frames per second
    of `streams` in flight, `fps_ratio` over that of `reference`. `image_set`, `images` and
    `evaluated_agreement` are of the evaluation.
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
    agreement: float | None
    evaluated_agreement: float | None
    cosine_min: float | None
    cosine_mean: float | None
    sqnr_db: float | None
    max_abs_error: float | None
    latency_1_ms: float | None
    ratio_1: float | None
    threads_all: int | None
    latency_all_ms: float | None
    ratio_all: float | None
    reference: str | None
    streams: int | None
    fps: float | None
    fps_ratio: float | None
    peak_memory_bytes: int | None
    hardware: str | None
    software_gpu: bool | None
    verdict: str | None
    failures: tuple[str, ...]


def precision_and_format(artifact: str) -> tuple[str, str]:
    """`int8` -> int8, ncnn; `int8_static.onnx` -> int8 static, ONNX; `torchscript` -> fp32, TorchScript.

    An artifact that this version does not know is shown by its name.
    """
    kind = ARTIFACTS.get(artifact)
    return (kind.variant, kind.format) if kind else (artifact, "")


def is_int8(row: Row) -> bool:
    """Whether the artifact is of an int8 precision (int8, int8 static, int8 dynamic)."""
    return row.precision.split(" ")[0] == "int8"


def sort_key(device: str, artifact: str) -> tuple[object, ...]:
    """cpu before gpu, ncnn before the other formats, precisions as in PRECISIONS, then by name."""
    precision, form = precision_and_format(artifact)
    known = tuple(FORMATS.values())
    base = precision.split(" ")[0]
    return (
        DEVICES.index(device) if device in DEVICES else len(DEVICES),
        device,
        known.index(form) if form in known else len(known),
        PRECISIONS.index(base) if base in PRECISIONS else len(PRECISIONS),
        artifact,
    )


def by_artifact(card: ModelCard, records: Iterable[Record], kind: str) -> dict[tuple[str, str], Record]:
    """The records of one kind under (device, artifact), in `sort_key` order.

    Raises ZooError when a record is another model's or two of them claim one artifact.
    """
    found: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record["device"], record["artifact"])
        if record["model"] != card.name:
            raise ZooError(f"{card.name}: was given the {kind} record of {record['model']}; rebuild it")
        if key in found:
            raise ZooError(f"{card.name}: has two {kind} records of {key[1]} on {key[0]}; delete one")
        found[key] = record
    return dict(sorted(found.items(), key=lambda item: sort_key(*item[0])))


def by_device(card: ModelCard, records: Iterable[Record], kind: str) -> dict[str, Record]:
    """The same for records about int8, under their device."""
    labelled = [{"artifact": "int8", **record} for record in records]
    return {device: record for (device, _), record in by_artifact(card, labelled, kind).items()}


def rows(models: Iterable[ModelRecords]) -> list[Row]:
    """One row per artifact that has a record: models as given, then in `sort_key` order.

    Agreement, cosine and SQNR are those of the verification, which the verdict rests on; agreement
    and SQNR of the evaluation stand in where the verification has no numbers.
    Raises ZooError when a record lacks a key or does not belong to its model.
    """
    result = []
    for model in models:
        verify = by_artifact(model.card, model.verify, "verification")
        bench = by_artifact(model.card, model.bench, "benchmark")
        evaluation = by_artifact(model.card, model.eval, "evaluation")
        for key in sorted({*verify, *bench, *evaluation}, key=lambda key: sort_key(*key)):
            try:
                row = _row(model.card, key, verify.get(key), bench.get(key), evaluation.get(key))
            except KeyError as error:
                where = f"{model.card.name}: a record of {key[1]} on {key[0]}"
                raise ZooError(f"{where} lacks {error}; delete it and build it again") from error
            result.append(row)
    return result


def _row(
    card: ModelCard,
    key: tuple[str, str],
    verify: Record | None,
    bench: Record | None,
    evaluation: Record | None,
) -> Row:
    device, artifact = key
    precision, form = precision_and_format(artifact)
    numbers = verify["numbers"] if verify else None
    outcome = evaluation or {"top1": None, "top5": None, "reference_top1": None, "top1_drop": None}
    closeness: Record = {"agreement": None, "sqnr_db": None}
    if numbers:
        closeness = {"agreement": numbers["top1_agreement"], "sqnr_db": numbers["sqnr_db"]}
    elif evaluation:
        closeness = evaluation
    latency = {entry["threads"]: entry for entry in bench["latency"]} if bench else {}
    threads_all = max(latency, default=1)
    single: Record = latency.get(1, {})
    every: Record = latency[threads_all] if threads_all > 1 else {}
    reference = (single or every).get("reference")
    runtime = (bench or verify or {}).get("runtime") or {}
    flow: Record = bench["throughput"] if bench else {}
    return Row(
        model=card.name,
        device=device,
        artifact=artifact,
        precision=precision,
        format=form,
        random_weights=card.random,
        bytes=_bytes(verify, bench),
        parameters=card.parameters,
        multiply_adds=card.multiply_adds,
        image_set=evaluation["image_set"] if evaluation else None,
        images=evaluation["images"] if evaluation else None,
        top1=outcome["top1"],
        top5=outcome["top5"],
        reference_top1=outcome["reference_top1"],
        top1_drop=outcome["top1_drop"],
        agreement=closeness["agreement"],
        evaluated_agreement=evaluation["agreement"] if evaluation else None,
        cosine_min=numbers["cosine"]["min"] if numbers else None,
        cosine_mean=numbers["cosine"]["mean"] if numbers else None,
        sqnr_db=closeness["sqnr_db"],
        max_abs_error=numbers["max_abs_error"] if numbers else None,
        latency_1_ms=single.get("median_ms"),
        ratio_1=single.get("ratio"),
        threads_all=threads_all if every else None,
        latency_all_ms=every.get("median_ms"),
        ratio_all=every.get("ratio"),
        reference=reference["artifact"] if reference else None,
        streams=flow.get("streams"),
        fps=flow.get("fps"),
        fps_ratio=flow.get("ratio"),
        peak_memory_bytes=bench["peak_memory_bytes"] if bench else None,
        hardware=runtime.get("device"),
        software_gpu=runtime.get("software_gpu"),
        verdict=("passed" if verify["verdict"]["passed"] else "failed") if verify else None,
        failures=tuple(verify["verdict"]["failures"]) if verify else (),
    )


def _bytes(verify: Record | None, bench: Record | None) -> int | None:
    if bench:
        return int(bench["bytes"])
    files = verify["structure"]["files"] if verify else []
    return sum(file["bytes"] for file in files) if files else None


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
