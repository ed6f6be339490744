"""What to ship: of each model on each device the artifact, why that one, where it lies and what it gains."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from zoo.config.artifacts import ARTIFACTS
from zoo.config.records.best import BestArtifact
from zoo.config.settings import Best
from zoo.deploy.best import choose
from zoo.errors import ZooError
from zoo.report import formats
from zoo.report.artifact_names import sort_key
from zoo.report.records import ModelRecords
from zoo.report.row import Row
from zoo.search.choice import TIMING_TOLERANCE


@dataclass(frozen=True)
class Shipment:
    """The artifact of a model to ship on a device. row: its figures; None where there is none to ship, and
    reason then says why not.

    gains: beside fp32, in words. files: their paths below results/, the one that names the artifact first.
    """

    model: str
    device: str
    row: Row | None
    reason: str
    gains: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def shipments(
    models: Sequence[ModelRecords], rows: Sequence[Row], asked: Mapping[str, Best] | None = None
) -> list[Shipment]:
    """What to ship of each model on each device where one of its ncnn artifacts was verified.

    By best.json where there is one, else chosen from the same records in the same way. asked: by which
    objective and within which limits, by model; the defaults if not given.
    """
    return [
        _shipment(model, device, rows, (asked or {}).get(model.card.name, Best()))
        for model in models
        for device in _devices(model)
    ]


def _devices(model: ModelRecords) -> Iterator[str]:
    devices = {proof.device for proof in model.verify if _deployable(proof.artifact)}
    devices |= {record.device for record in model.best}
    yield from sorted(devices, key=lambda device: sort_key(device, ""))


def _deployable(artifact: str) -> bool:
    return artifact in ARTIFACTS and ARTIFACTS[artifact].deployable


def _shipment(model: ModelRecords, device: str, rows: Sequence[Row], asked: Best) -> Shipment:
    name = model.card.name
    own = {row.artifact: row for row in rows if (row.model, row.device) == (name, device)}
    try:
        best = next((each for each in model.best if each.device == device), None)
        best = best or _chosen(model, device, asked)
    except ZooError as failure:
        return Shipment(name, device, None, str(failure))
    row = own.get(best.artifact)
    files = tuple(f"{device}/{name}/{file}" for file in ARTIFACTS[best.artifact].files)
    return Shipment(name, device, row, best.reason, _gains(row, own.get("fp32")) if row else (), files)


def _chosen(model: ModelRecords, device: str, asked: Best) -> BestArtifact:
    """The choice that the rule `best` would make of the records at hand."""
    proofs = [each for each in model.verify if each.device == device and _deployable(each.artifact)]
    timed = {each.artifact: each for each in model.bench if each.device == device}
    all_timed = all(proof.artifact in timed for proof in proofs)
    return choose(proofs, [timed[proof.artifact] for proof in proofs] if all_timed else [], asked)


def _gains(row: Row, fp32: Row | None) -> tuple[str, ...]:
    """How much smaller and faster than ncnn's fp32 an artifact is, as far as that was measured."""
    gains = []
    if fp32 and fp32 is not row and fp32.bytes and row.bytes:
        gains.append(_times(fp32.bytes / row.bytes, "smaller", "larger"))
    if row.ratio_1 and row.reference != row.artifact and not row.software_gpu and not row.doubt_1:
        gains.append(_times(1 / row.ratio_1, "faster", "slower"))
    return tuple(gain for gain in gains if gain)


def _times(factor: float, more: str, less: str) -> str:
    if factor > TIMING_TOLERANCE:
        return f"{formats.ratio(factor)} times {more}"
    return f"{formats.ratio(1 / factor)} times {less}" if factor < 1 / TIMING_TOLERANCE else f"not {more}"
