"""An artifact as it is run: whose it is, its runtime, precision and files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.config.artifacts import locate
from zoo.errors import ZooError
from zoo.jobs.records import read_json
from zoo.runners import Runner, open_runner


@dataclass(frozen=True)
class Artifact:
    """What it takes to run an artifact: whose it is, its runtime (see `runners`), precision and files."""

    model: str
    device: str
    name: str
    runtime: str
    precision: str
    files: tuple[Path, ...]

    @classmethod
    def of(cls, files: Iterable[str | Path], **fields: str) -> "Artifact":
        """An artifact from its fields and its files, in any form of path."""
        return cls(files=tuple(map(Path, files)), **fields)

    def __str__(self) -> str:
        return f"{self.device}/{self.model}/{self.name}"

    def open(self, threads: int) -> Runner:
        """Load it into its runtime, with so many CPU threads. Raises ZooError if it cannot be loaded."""
        return open_runner(self.runtime, self.files, self.device, threads, self.precision)

    def heading(self) -> dict[str, str]:
        """The keys that every record about an artifact starts with."""
        return {"model": self.model, "device": self.device, "artifact": self.name}


def find_artifact(
    path: str | Path, card: str | Path | None = None, device: str | None = None
) -> tuple[Artifact, dict[str, Any]]:
    """The artifact that a file belongs to, and its model card.

    card: the card's file, else it is found from the artifact's place in the zoo. device: `cpu` or `gpu`, else
    that of its place, or the CPU. Raises ZooError if a file is missing.
    """
    place = locate(path)
    if card is None and not place.card.is_file():
        raise ZooError(f"{path}: its model card is not at {place.card}; name it with --card")
    values = read_json(card or place.card)
    if missing := [key for key in ("name", "preprocess", "inputs", "task") if key not in values]:
        raise ZooError(f"{card or place.card}: not a model card, for it has no {missing[0]}")
    artifact = Artifact(
        str(values["name"]),
        device or place.device or "cpu",
        place.name,
        place.runtime,
        place.precision,
        place.files,
    )
    return artifact, values
