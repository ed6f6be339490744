"""The lock of a model's int8: a file that is committed, by which later builds make the same int8 files.

A search depends on measured times, and what it searches among on the processor's last bits. A lock keeps what
was chosen, from what, and by what figures; beside it lies a file with the int8 graph, as what tells it from
the fp32 graph (see `zoo.locks.difference`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from zoo.config.records.record import Record
from zoo.errors import ZooError
from zoo.jobs.files import sha256
from zoo.jobs.surroundings import Surroundings
from zoo.locks.origin import Origin
from zoo.ncnn.graph import Graph
from zoo.quantize.recipe import Recipe
from zoo.quantize.scales import absmax_scales, weight_rows
from zoo.quantize.table import CalibrationTable
from zoo.search.outcome import SearchOutcome
from zoo.search.sensitivity import Sensitivity


@dataclass(frozen=True, kw_only=True)
class Lock(Record):
    """device: `cpu` or `gpu`. surroundings: in which it was searched. origin: from what.

    files: SHA-256 of the int8 files by name; difference: of the file beside the lock. activations: the scales
    of the calibration table, by layer. recipe, search, sensitivity: the records of these as plain values.
    """

    KIND: ClassVar[str] = "lock of int8"

    model: str
    device: str
    surroundings: Surroundings
    origin: Origin
    difference: str
    files: Mapping[str, str]
    activations: Mapping[str, float]
    recipe: Mapping[str, Any]
    search: Mapping[str, Any]
    sensitivity: Mapping[str, Any]

    def check(self, path: str | Path, origin: Origin) -> None:
        """Raise ZooError, with all that differs and what to do, unless this lock, in the file `path`, is for
        what a build makes int8 of."""
        if differences := list(self.origin.differences(origin, self.surroundings, Surroundings.own())):
            raise ZooError(
                f"{path} is for another build: {'; '.join(differences)}. Set this back, or {again(path)}"
            )

    def check_files(self, path: str | Path, files: Iterable[Path]) -> None:
        """Raise ZooError unless the files that were made by this lock are those that it names."""
        if others := [file.name for file in files if sha256(file) != self.files.get(file.name)]:
            raise ZooError(
                f"{path}: by it {' and '.join(others)} came out with other bytes than it says; take it from "
                f"where you keep it (git checkout -- {Path(path).parent}), or {again(path)}"
            )

    def chosen(self) -> tuple[Recipe, SearchOutcome, Sensitivity]:
        """What was chosen, what was measured of it and of the others, and what each layer costs.

        Raises ZooError, which does not name the file, if one of these is broken, or nothing was chosen.
        """
        outcome = SearchOutcome.from_dict(dict(self.search), "its search")
        if outcome.taken is None:
            raise ZooError("its search chose nothing")
        sensitivity = Sensitivity.from_dict(dict(self.sensitivity), "its sensitivity")
        return Recipe.from_dict(dict(self.recipe)), outcome, sensitivity

    def table(self, graph: Graph, recipe: Recipe) -> CalibrationTable:
        """The calibration table of the recipe for the fp32 graph, see `zoo.quantize.apply.table_of`."""
        if recipe.table is not None:
            return recipe.table
        weights = {name: absmax_scales(weight_rows(graph[name])) for name in self.activations}
        return CalibrationTable(weights, self.activations)


def read(path: str | Path, model: str, device: str) -> Lock:
    """The lock of a model. Raises ZooError if the file holds none, or another model's."""
    lock = Lock.read(path)
    if (lock.model, lock.device) != (model, device):
        raise ZooError(
            f"{path} is the lock of {lock.device}/{lock.model}; give back its own name, or {again(path)}"
        )
    return lock


def read_difference(path: str | Path, lock: Lock, lock_path: str | Path) -> bytes:
    """The file beside a lock. Raises ZooError if it is missing, or another's."""
    try:
        if sha256(path) == lock.difference:
            return Path(path).read_bytes()
        fault = f"{path} is not the file that belongs to {lock_path}"
    except FileNotFoundError:
        fault = f"{path} is missing, which belongs to {lock_path}"
    raise ZooError(f"{fault}; commit both, and take both from there, or {again(lock_path)}")


def again(path: str | Path) -> str:
    """What makes a lock anew, as the end of a sentence."""
    return f"delete {path} and build again, which searches and locks anew"
