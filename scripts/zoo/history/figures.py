"""A line of the history: what was measured of an artifact, of which bytes, where and with what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, ClassVar, Self

from zoo.config.records.benchmark import Benchmark, Hardware
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.proof import Measured, RuntimeInfo
from zoo.config.records.record import Record
from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.history.environment import Environment


@dataclass(frozen=True)
class Metric:
    """A figure as the Bencher Metric Format has it (https://bencher.dev/docs/reference/bencher-metric-format):
    lower_value, upper_value: of a latency the 10th and 90th percentile."""

    value: float
    lower_value: float | None = None
    upper_value: float | None = None

    def __post_init__(self) -> None:
        if not all(map(isfinite, self.to_dict().values())):
            raise ZooError(f"{self.value} is no figure")

    def to_dict(self) -> dict[str, float]:
        """What there is."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Machine:
    """What measured: the machine's name, its processor, and the GPU, if the artifact ran there."""

    host: str
    processor: str
    gpu: str | None = None

    def times_as(self, other: "Machine") -> bool:
        """Whether latencies of the two can be compared: processor and GPU are of one model."""
        return (self.processor, self.gpu) == (other.processor, other.gpu)

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.processor, self.gpu, self.host)))


@dataclass(frozen=True)
class LayerFidelity:
    """How close a layer is to ncnn's fp32. blob: the name of its output in both; sqnr_db: in dB."""

    blob: str
    layer: str
    sqnr_db: float

    def __post_init__(self) -> None:
        if not isfinite(self.sqnr_db):
            raise ZooError(f"{self.sqnr_db} is no SQNR of {self.layer}")


@dataclass(frozen=True)
class Images:
    """What was measured on: how many images, and of which set, by name; sha256: of what they are, None in a
    proof of before."""

    number: int
    set: str
    sha256: str | None

    def __str__(self) -> str:
        return f"{self.number} images of {self.set}"


@dataclass(frozen=True, kw_only=True)
class Figures(Record):
    """What one build measured of one artifact.

    time, commit, versions: see `Environment`; the version of the runtime is that of the proof. sha256: of the
    files, by name. passed, failures: the verdict. images: of the `verification` and, if there is
    one, of the `evaluation`; figures of others are no comparison.

    figures: under the artifact's name, by measure: `sqnr_db` over all images, of the worst output, and
    `worst_image_sqnr_db`, in dB; `cosine_min`, `cosine_mean`; `agreement` in the verification and
    `evaluated_agreement` with torch, `top1`, shares; `bytes` of all files; `latency_ms` with one thread, and
    `fps`. What was not measured is not there. layers: in a baseline, of an ncnn artifact.
    """

    KIND: ClassVar[str] = "line of history"

    time: str
    commit: str | None
    versions: Mapping[str, str]
    machine: Machine
    model: str
    device: str
    artifact: str
    sha256: Mapping[str, str]
    passed: bool
    failures: tuple[str, ...]
    images: Mapping[str, Images]
    figures: Mapping[str, Mapping[str, Metric]]
    layers: tuple[LayerFidelity, ...] = ()

    def __post_init__(self) -> None:
        if set(self.figures) != {self.name}:
            raise ZooError(f"its figures are not those of {self.name}")

    @property
    def name(self) -> str:
        """The artifact's, such as `cpu/mine/int8`."""
        return f"{self.device}/{self.model}/{self.artifact}"

    @property
    def what_was_measured(self) -> Self:
        """All but when and by what: equal for two builds between which nothing changed."""
        return replace(self, time="", commit=None, versions={}, layers=())

    def metric(self, measure: str) -> Metric | None:
        """A figure; None if it was not measured."""
        return self.figures[self.name].get(measure)

    def value(self, measure: str) -> float | None:
        """The same, as a number."""
        metric = self.metric(measure)
        return metric.value if metric else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `figures` alone is a document in the Bencher Metric Format."""
        values = super().to_dict()
        values["figures"] = {
            name: {measure: metric.to_dict() for measure, metric in metrics.items()}
            for name, metrics in self.figures.items()
        }
        if not self.layers:
            del values["layers"]
        return values


def figures_of(
    verification: Verification,
    evaluation: Evaluation | None,
    benchmark: Benchmark | None,
    environment: Environment,
    with_layers: bool = False,
) -> Figures:
    """The line of an artifact from its proofs. An evaluation or a benchmark of other bytes than those that
    were verified says nothing of these, and is left out."""
    evaluation = evaluation if _of_these_bytes(evaluation, verification) else None
    benchmark = benchmark if _of_these_bytes(benchmark, verification) else None
    runtime = verification.runtime
    return Figures(
        time=environment.time,
        commit=environment.commit,
        versions={**environment.versions, **({runtime.name: runtime.version} if runtime else {})},
        machine=_machine(environment, runtime, benchmark.hardware if benchmark else None),
        model=verification.model,
        device=verification.device,
        artifact=verification.artifact,
        sha256=verification.hashes,
        passed=verification.verdict.passed,
        failures=verification.verdict.failures,
        images=_images(verification, evaluation),
        figures={
            f"{verification.device}/{verification.model}/{verification.artifact}": _closeness(verification)
            | _accuracy(evaluation)
            | _cost(verification, benchmark)
        },
        layers=_layers(verification) if with_layers else (),
    )


def _of_these_bytes(record: Measured | None, verification: Verification) -> bool:
    return record is not None and bool(record.hashes) and dict(record.hashes) == verification.hashes


def _machine(environment: Environment, runtime: RuntimeInfo | None, hardware: Hardware | None) -> Machine:
    if hardware:
        return Machine(hardware.host or environment.host, hardware.cpu, hardware.gpu)
    on_gpu = runtime is not None and runtime.software_gpu is not None
    return Machine(environment.host, environment.processor, runtime.device if runtime and on_gpu else None)


def _images(verification: Verification, evaluation: Evaluation | None) -> dict[str, Images]:
    records = {"verification": verification.numbers, "evaluation": evaluation}
    return {
        purpose: Images(each.images, each.image_set, each.images_sha256)
        for purpose, each in records.items()
        if each
    }


def _metrics(values: Mapping[str, float | None]) -> dict[str, Metric]:
    return {name: Metric(value) for name, value in values.items() if value is not None}


def _closeness(verification: Verification) -> dict[str, Metric]:
    numbers = verification.numbers
    if numbers is None:
        return {}
    return _metrics(
        {
            "sqnr_db": numbers.sqnr_db,
            "worst_image_sqnr_db": numbers.worst.sqnr_db if numbers.worst else None,
            "cosine_min": numbers.cosine.min,
            "cosine_mean": numbers.cosine.mean,
            "agreement": numbers.top1_agreement,
        }
    )


def _accuracy(evaluation: Evaluation | None) -> dict[str, Metric]:
    if evaluation is None:
        return {}
    return _metrics({"evaluated_agreement": evaluation.agreement, "top1": evaluation.top1})


def _cost(verification: Verification, benchmark: Benchmark | None) -> dict[str, Metric]:
    metrics = _metrics({"bytes": sum(file.bytes for file in verification.structure.files) or None})
    if benchmark is None:
        return metrics
    if latency := benchmark.at(1):
        metrics["latency_ms"] = Metric(latency.median_ms, latency.p10_ms, latency.p90_ms)
    return metrics | _metrics({"fps": benchmark.throughput.fps if benchmark.throughput else None})


def _layers(verification: Verification) -> tuple[LayerFidelity, ...]:
    divergence = verification.divergence
    return tuple(
        LayerFidelity(each.blob, f"{each.layer} ({each.type})", round(each.sqnr_db, 2))
        for each in (divergence.layers if divergence else ())
    )
