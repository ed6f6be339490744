"""An artifact as it is run: whose it is, its runtime, precision and files."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.config.artifacts import locate
from zoo.config.records.card import ModelCard
from zoo.config.records.options import RuntimeOptions
from zoo.config.records.verification import Verification
from zoo.config.targets import Target
from zoo.errors import ZooError
from zoo.jobs.made import made_sha256
from zoo.ncnn.options import Options
from zoo.runners import PROGRAMS, Runner, open_on_target, open_runner
from zoo.runners.bounds import apply_to_artifact


@dataclass(frozen=True)
class Artifact:
    """What it takes to run an artifact: whose it is, its runtime (see `runners`), precision and files.

    target: where it runs, if that is not this machine. options: what is set of ncnn's over the precision's.
    """

    model: str
    device: str
    name: str
    runtime: str
    precision: str
    files: tuple[Path, ...]
    target: Target | None = None
    options: Options = field(default_factory=Options, hash=False)

    @classmethod
    def of(
        cls,
        files: Iterable[str | Path],
        target: Any = None,
        options: Iterable[str | Path] = (),
        **fields: Any,
    ) -> "Artifact":
        """An artifact from its fields and its files, in any form of path, and its target as plain values.

        options: the record of its runtime options, if there is one. Raises ZooError if that is of files of
        other bytes.
        """
        where = None if target is None else Target(**target)
        artifact = cls(files=tuple(map(Path, files)), target=where, **fields)
        for path in options:
            artifact = artifact.with_options(path)
        return artifact

    def with_options(self, path: str | Path) -> "Artifact":
        """The same with the options that a record says. Raises ZooError if it is about files of other bytes,
        or another artifact or device."""
        record = RuntimeOptions.read(path)
        if (record.device, record.artifact) != (self.device, self.name):
            raise ZooError(f"{path}: it is about {record.device}/{record.artifact}, not {self}; delete it")
        record.check_files(self.files, made_sha256)
        return replace(self, options=record.options)

    def __str__(self) -> str:
        return f"{self.device}/{self.model}/{self.name}"

    def open(self, threads: int) -> Runner:
        """Load it into its runtime, with so many CPU threads. Raises ZooError if it cannot be loaded.

        A child process gives up what no model needs before it opens one that is a program, see `bounds`.
        """
        if self.runtime in PROGRAMS:
            apply_to_artifact(self.files, self.device)
        if self.target is not None:
            return open_on_target(self.files, self.target, threads, self.precision, self.options.switches)
        return open_runner(
            self.runtime, self.files, self.device, threads, self.precision, self.options.switches
        )

    def runs_as(self, other: "Artifact") -> bool:
        """Whether another is the same file run in the same way, so that one takes as long as the other."""
        return self.files == other.files and self.options == other.options

    def heading(self) -> dict[str, str]:
        """The keys that every record about an artifact starts with."""
        return {"model": self.model, "device": self.device, "artifact": self.name}

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of its files, by name, as records about it keep them."""
        return {file.name: made_sha256(file) for file in self.files}

    def proof(self) -> Verification | None:
        """Its verification, if one lies beside its files. Raises ZooError, naming the file, if one of them
        is not the file that was verified, and for a verification that is broken or of another version."""
        path = self.files[0].with_name(f"{self.name}.verify.json")
        if not path.is_file():
            return None
        proof = Verification.read(path)
        proof.check_files(self.files)
        return proof

    def as_proven(self) -> "Artifact":
        """The same with the options that it was verified with on its device; where no verification lies
        beside its files, with those of the record of options there, if any. Raises as `with_options` does."""
        if self.runtime != "ncnn":
            return self
        verified, said = (self.files[0].with_name(f"{self.name}.{end}.json") for end in ("verify", "options"))
        if verified.is_file():
            proof = Verification.read(verified)
            return replace(self, options=proof.options) if proof.device == self.device else self
        if said.is_file() and RuntimeOptions.read(said).device == self.device:
            return self.with_options(said)
        return self

    def caveat(self) -> str | None:
        """What whoever uses it must know of its verification, in a line: that there is none, that it failed,
        or that it was for another device. None if it passed. Raises as `proof` does."""
        proof = self.proof()
        if proof is None:
            return f"{self} is unverified: no {self.name}.verify.json lies beside {self.files[0]}"
        if not proof.verdict.passed:
            return f"{self} failed its verification: {'; '.join(proof.verdict.failures)}"
        if proof.device != self.device:
            return f"{self} is unverified: it was verified for {proof.device}, not for {self.device}"
        return None


def find_artifact(
    path: str | Path, card: str | Path | None = None, device: str | None = None
) -> tuple[Artifact, ModelCard]:
    """The artifact that a file belongs to, and its model card.

    card: the card's file, else it is found from the artifact's place in the zoo. device: `cpu` or `gpu`, else
    that of its place, or the CPU. Its options are those that it was verified with, see `as_proven`. Raises
    ZooError if a file is missing, and for a card or a record beside it that is broken or of another version.
    """
    place = locate(path)
    if card is None and not place.card.is_file():
        raise ZooError(f"{path}: its model card is not at {place.card}; name it with --card")
    if card is not None and not Path(card).is_file():
        raise ZooError(f"{card}: there is no such model card; name the model's results/weights/<model>.json")
    described = ModelCard.read(card or place.card)
    artifact = Artifact(
        described.name,
        device or place.device or "cpu",
        place.kind.name,
        place.kind.runtime,
        place.kind.precision,
        place.files,
    )
    return artifact.as_proven(), described
