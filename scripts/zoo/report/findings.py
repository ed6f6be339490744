"""What a reader of the table should not miss, in words."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from zoo.report import formats
from zoo.report.artifact_names import precision_and_format
from zoo.report.devices import unsound
from zoo.report.layers import heavy_floats
from zoo.report.records import ModelRecords
from zoo.report.row import Row, is_int8
from zoo.search.choice import TIMING_TOLERANCE, slower_than
from zoo.search.outcome import SearchOutcome

HEAVY = 0.05
"""A layer with more than this share of the weights is worth a word if it stays float."""

_NAMED = 3  # layers that a remark lists


def remarks(rows: Sequence[Row], models: Sequence[ModelRecords] = ()) -> list[str]:
    """Sentences for the end of a run and the top of the page, most general first.

    They name models with random weights, latencies taken on a software GPU, on a board that was hot, or that
    cannot be believed, files
    that are sound on one device and not on another, options of ncnn that are not its own, int8 artifacts that
    are slower than fp32 or fp16 of the same format on the same device (by the benchmark, or else by the
    search), searches that missed their target, calibration images that are unlike others, and large layers
    that stayed float.
    """
    untrained = dict.fromkeys(row.model for row in rows if row.random_weights)
    software = dict.fromkeys(row.hardware or "This device" for row in rows if row.software_gpu)
    return [
        *(
            f"{model} has random weights: its accuracy, agreement and SQNR say nothing about a trained model."
            for model in untrained
        ),
        *(
            f"{name} is a software GPU: latencies measured on it say nothing about real GPUs."
            for name in software
        ),
        *(sentence for model in models for sentence in unsound(model.verify)),
        *(
            f"{each.model} on {each.device}: {each.artifact} runs with options: {each.options}."
            for model in models
            for each in model.verify
            if each.options
        ),
        *(
            f"{each.model} on {each.device}: {each.artifact} was timed while the board was slowed down, "
            f"after {each.conditions.waited_s:.0f} s of cooling."
            for model in models
            for each in model.bench
            if each.conditions and each.conditions.throttled
        ),
        *_in_doubt(rows),
        *(sentence for row in rows if is_int8(row) if (sentence := _slower(row, rows))),
        *(sentence for model in models for record in model.search for sentence in _searched(record, rows)),
        *(
            f"{record.model} on {record.device}: {sentence}; int8 is calibrated for others than it is judged "
            "on."
            for model in models
            for record in model.coverage
            for covered in record.purposes
            for sentence in covered.unlike
        ),
        *_heavy(models),
    ]


def is_slow(artifact: str, ratio: float | None) -> bool:
    """Whether an artifact below fp32's precision takes `ratio` times as long as fp32, and more than noise."""
    precision, _ = precision_and_format(artifact)
    return ratio is not None and ratio > TIMING_TOLERANCE and precision != "fp32"


def _searched(outcome: SearchOutcome, rows: Sequence[Row]) -> list[str]:
    """What a search found wanting: its target, and speed where the benchmark has not been asked."""
    place = f"{outcome.model} on {outcome.device}"
    sentences = [f"{place}: {failure.removesuffix('.')}." for failure in outcome.failures]
    benchmarked = any(
        (row.model, row.device, row.artifact) == (outcome.model, outcome.device, "int8")
        and row.latency_1_ms is not None
        for row in rows
    )
    slower = {} if benchmarked else slower_than(outcome)
    if slower:
        names = " and ".join(
            f"slower than {name} ({formats.ratio(ratio)} times)" for name, ratio in slower.items()
        )
        sentences.append(f"{place}: int8 was {names} in its search: it saves space, not time.")
    return sentences


def _heavy(models: Sequence[ModelRecords]) -> list[str]:
    devices: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in (record for model in models for record in model.sensitivity):
        if layers := heavy_floats(record, HEAVY):
            named = [*layers[:_NAMED], *([f"{len(layers) - _NAMED} more"] if len(layers) > _NAMED else [])]
            devices[record.model, _listed(named)].append(record.device)
    return [
        f"{model} on {_listed(found)}: in int8, large layers stay float: {layers}."
        for (model, layers), found in devices.items()
    ]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _in_doubt(rows: Sequence[Row]) -> list[str]:
    """A sentence for each model on a device that has times which cannot be believed."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.doubt_1 or row.doubt_all:
            found[row.model, row.device].append(row)
    return [
        f"{model} on {device}: time in doubt: "
        + ", ".join(map(_doubtful, doubtful))
        + f". Delete {'its' if len(doubtful) == 1 else 'their'} bench.json and build again."
        for (model, device), doubtful in found.items()
    ]


def _doubtful(row: Row) -> str:
    """An artifact, and why its time cannot be believed; the table shows that of one thread."""
    if row.doubt_1:
        return f"{row.artifact} ({row.doubt_1})"
    return f"{row.artifact} with {row.threads_all} threads ({row.doubt_all})"


def _slower(row: Row, rows: Sequence[Row]) -> str | None:
    """Where an int8 artifact is slower than a float one. A software GPU's times are no reason to say so, nor
    are times in doubt."""
    comparisons = []
    for other in rows:
        same_place = (other.model, other.device, other.format) == (row.model, row.device, row.format)
        if same_place and other.precision in ("fp32", "fp16") and not row.software_gpu:
            times = _relative_times(row, other)
            slower = {threads: time for threads, time in times.items() if time > TIMING_TOLERANCE}
            if slower:
                comparisons.append(f"{other.precision} ({_times(slower, times)})")
    if not comparisons:
        return None
    name = "int8" if row.artifact == "int8" else f"{row.precision} {row.format}"
    return (
        f"{row.model} on {row.device}: {name} is slower than {' and '.join(comparisons)}: it saves space, "
        "not time."
    )


def _times(slower: Mapping[int, float], measured: Mapping[int, float]) -> str:
    """How many times as long each number of threads takes; once, if that is the same for all."""
    if slower == measured and len({f"{time:.2f}" for time in slower.values()}) == 1:
        return f"{max(slower.values()):.2f} times"
    return ", ".join(
        f"{time:.2f} times with {threads} thread{'s' if threads > 1 else ''}"
        for threads, time in slower.items()
    )


def _relative_times(row: Row, other: Row) -> dict[int, float]:
    """Thread count -> time of `row` over the time of `other`, where both were measured and can be believed.

    Ratios to a reference timed in the same run are steadier than medians of two runs, so they come first.
    """
    timings = {}
    if not (row.doubt_1 or other.doubt_1):
        timings[1] = (row.latency_1_ms, row.ratio_1, other.latency_1_ms, other.ratio_1)
    if row.threads_all and row.threads_all == other.threads_all and not (row.doubt_all or other.doubt_all):
        timings[row.threads_all] = (row.latency_all_ms, row.ratio_all, other.latency_all_ms, other.ratio_all)
    relatives = {}
    for threads, (own_ms, own_ratio, other_ms, other_ratio) in timings.items():
        if own_ratio and row.reference == other.artifact:
            relatives[threads] = own_ratio
        elif own_ratio and other_ratio and row.reference == other.reference:
            relatives[threads] = own_ratio / other_ratio
        elif own_ms and other_ms:
            relatives[threads] = own_ms / other_ms
    return relatives
