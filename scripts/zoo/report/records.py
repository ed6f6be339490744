"""Everything known about a model, read from the records of all stages."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from zoo.config.records.benchmark import Benchmark
from zoo.config.records.best import BestArtifact
from zoo.config.records.card import ModelCard
from zoo.config.records.conversion import Conversion
from zoo.config.records.coverage import Coverage
from zoo.config.records.evaluation import Evaluation
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.program import Program
from zoo.config.records.proof import Proof
from zoo.config.records.verification import Verification
from zoo.errors import ZooError
from zoo.history.figures import Figures
from zoo.jobs.made import made_sha256
from zoo.report.artifact_names import sort_key
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity


@dataclass(frozen=True)
class ModelRecords:
    """Everything known about one model; what has not been built yet is simply absent.

    Verifications, benchmarks, evaluations and options name their own device and artifact; searches,
    sensitivities and coverages are about int8, conversions about fp32, choices of the best about all, and
    name their device. Programs name both, and those of the best are among them. history: what builds
    measured, the present one at last.
    """

    card: ModelCard
    verify: Sequence[Verification] = ()
    bench: Sequence[Benchmark] = ()
    eval: Sequence[Evaluation] = ()
    search: Sequence[SearchOutcome] = ()
    sensitivity: Sequence[Sensitivity] = ()
    conversion: Sequence[Conversion] = ()
    coverage: Sequence[Coverage] = ()
    best: Sequence[BestArtifact] = ()
    options: Sequence[RuntimeOptions] = ()
    program: Sequence[Program] = ()
    history: Sequence[Figures] = ()


class ModelRecord(Protocol):
    """A record about a model on a device."""

    @property
    def model(self) -> str: ...

    @property
    def device(self) -> str: ...


AnyRecord = TypeVar("AnyRecord", bound=ModelRecord)
AnyProof = TypeVar("AnyProof", bound=Proof)


READERS: dict[str, Callable[[str | Path], ModelRecord]] = {
    "verify": Verification.read,
    "bench": Benchmark.read,
    "eval": Evaluation.read,
    "search": SearchOutcome.read,
    "sensitivity": Sensitivity.read,
    "conversion": Conversion.read,
    "coverage": Coverage.read,
    "best": BestArtifact.read,
    "options": RuntimeOptions.read,
    "program": Program.read,
}
"""What reads a record, by the part of its file's name before `.json`, such as `int8.search.json`."""


def read_records(cards: Iterable[str | Path], proofs: Iterable[str | Path]) -> list[ModelRecords]:
    """The records of each model that has a card, in the order of the cards.

    Raises ZooError, naming the file, for a record of another version, a broken one, or no record at all; and
    for an artifact beside its verification that is no longer the one verified.
    """
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: {kind: [] for kind in READERS})
    for path in proofs:
        kind = Path(path).stem.rpartition(".")[2]
        if kind not in READERS:
            raise ZooError(f"{path}: no record of the report; those end in {', '.join(READERS)} and .json")
        record = READERS[kind](path)
        if isinstance(record, Verification):
            places = (Path(path).with_name(name) for name in record.hashes)
            record.check_files([file for file in places if file.is_file()], made_sha256)
        found[record.model][kind].append(record)
    return [ModelRecords(card, **found[card.name]) for card in map(ModelCard.read, cards)]


def by_artifact(model: str, records: Iterable[AnyProof]) -> dict[tuple[str, str], AnyProof]:
    """A model's proofs of one kind under (device, artifact), in `sort_key` order.

    Raises ZooError when a record is another model's or two of them claim one artifact.
    """
    proofs = list(records)
    kind = proofs[0].KIND if proofs else ""
    return _unique(model, proofs, kind, lambda proof: (proof.device, proof.artifact))


def by_device(model: str, records: Iterable[AnyRecord], kind: str) -> dict[str, AnyRecord]:
    """The same for records about one artifact, under their device."""
    artifact = {"conversion": "fp32", "best": "what to ship"}.get(kind, "int8")
    unique = _unique(model, records, kind, lambda record: (record.device, artifact))
    return {device: record for (device, _), record in unique.items()}


def _unique(
    model: str, records: Iterable[AnyRecord], kind: str, key_of: Callable[[AnyRecord], tuple[str, str]]
) -> dict[tuple[str, str], AnyRecord]:
    unique: dict[tuple[str, str], AnyRecord] = {}
    for record in records:
        device, artifact = key = key_of(record)
        if record.model != model:
            raise ZooError(f"{model}: was given the {kind} record of {record.model}; rebuild it")
        if key in unique:
            raise ZooError(f"{model}: has two {kind} records of {artifact} on {device}; delete one")
        unique[key] = record
    return dict(sorted(unique.items(), key=lambda item: sort_key(*item[0])))
