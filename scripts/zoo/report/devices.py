"""A model's artifacts on each device, side by side, and which files are sound on one and not on another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from zoo.config.records.verification import Verification
from zoo.report import formats
from zoo.report.artifact_names import sort_key
from zoo.report.row import Row

LOWER_DB = 6.0
"""A file whose SQNR is so much lower on a device is worth a word: its error there is twice that here."""
SOUND_DB = 60.0
"""From here on nobody sees a difference: the error is a thousandth of the signal."""


@dataclass(frozen=True)
class SideBySide:
    """lines: artifact -> its row on each of `devices`, None where it has none. parts: device -> of how many
    images it was judged on how many, in words, where those are not all."""

    devices: tuple[str, ...]
    lines: Mapping[str, Sequence[Row | None]]
    parts: Mapping[str, str]

    def is_lower(self, row: Row, line: Sequence[Row | None]) -> bool:
        """Whether a row's SQNR is much lower than that of its artifact on the first device that has it."""
        first = next(other for other in line if other)
        return first is not row and is_lower(first.sqnr_db, row.sqnr_db)


def side_by_side(rows: Sequence[Row], proofs: Iterable[Verification] = ()) -> SideBySide | None:
    """The rows of a model by artifact and device, cpu first; None if they are all of one device.

    proofs: what the rows are of.
    """
    devices = tuple(sorted({row.device for row in rows}, key=lambda device: sort_key(device, "")))
    if len(devices) < 2:
        return None
    found = {(row.artifact, row.device): row for row in rows}
    artifacts = sorted({row.artifact for row in rows}, key=lambda artifact: sort_key("", artifact))
    lines = {artifact: [found.get((artifact, device)) for device in devices] for artifact in artifacts}
    taken = {proof.device: each for proof in proofs if (each := proof.numbers) and each.part_of}
    parts = {device: f"on {each.images} of {each.part_of} images" for device, each in taken.items()}
    return SideBySide(devices, lines, parts)


def is_lower(here_db: float | None, there_db: float | None) -> bool:
    """Whether an SQNR there is so much lower than the one here that it matters."""
    if here_db is None or there_db is None:
        return False
    return there_db < SOUND_DB and here_db - there_db > LOWER_DB


def unsound(proofs: Iterable[Verification]) -> list[str]:
    """A sentence for each file of a model that passes on its first device, and fails on another one or comes
    out much coarser there. Only the same weights are compared: a gpu's int8 has others; a `.param` may have
    masks for a target."""
    ordered = sorted(proofs, key=lambda proof: sort_key(proof.device, proof.artifact))
    first: dict[str, Verification] = {}
    for proof in ordered:
        first.setdefault(proof.artifact, proof)
    pairs = ((first[there.artifact], there) for there in ordered)
    return list(_sentences(pairs))


def _sentences(pairs: Iterable[tuple[Verification, Verification]]) -> Iterator[str]:
    for here, there in pairs:
        if here is there or _weights(here) != _weights(there) or not here.verdict.passed:
            continue
        file = f"{here.model}: {here.artifact} passes on {here.device}"
        if not there.verdict.passed:
            first, *others = there.verdict.failures or ("for no reason told",)
            more = f", and {len(others)} more" if others else ""
            yield f"{file} and fails on {there.device}: {first}{more}."
        elif is_lower(_sqnr_db(here), _sqnr_db(there)):
            figures = " and ".join(f"{formats.decibels(_sqnr_db(each))} dB" for each in (here, there))
            yield f"{file} and on {there.device}, coarser with the same weights: {figures}."


def _weights(proof: Verification) -> dict[str, str]:
    """The SHA-256 of an artifact's files, but for the text of its graph."""
    return {name: digest for name, digest in proof.hashes.items() if not name.endswith(".param")}


def _sqnr_db(proof: Verification) -> float | None:
    return proof.numbers.sqnr_db if proof.numbers else None
