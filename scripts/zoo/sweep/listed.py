"""The list of families that a sweep is of, in shards, and where their rows lie.

Read when a build starts, so the standard library is all it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.config.checks.sweep import part_of
from zoo.errors import ZooError
from zoo.jobs.records import read_json

LIST = Path(__file__).with_name("families.json")
"""By library and family: `entry`, the name of the smallest entry point, and its `parameters`."""
ROWS = "sweep"
"""Where rows lie, beside config.yaml: they are committed, so they are no results."""
PAGE = "docs/architectures.md"


@dataclass(frozen=True)
class Family:
    """A family of a library, and its smallest entry point."""

    library: str
    name: str
    entry: str
    parameters: int

    @property
    def row(self) -> str:
        """The file of its row."""
        return f"{ROWS}/{self.library}/{self.name}.json"


def listed() -> list[Family]:
    """The families in the list's order."""
    return [
        Family(library, name, **values)
        for library, families in read_json(LIST).items()
        for name, values in families.items()
    ]


def entry_of(library: str, name: str) -> str:
    """The entry point of a family. Raises ZooError if the list does not have it."""
    for family in listed():
        if (family.library, family.name) == (library, name):
            return family.entry
    raise ZooError(f"{library} has no family {name}; {LIST.name} lists those there are")


def shard(text: str | None) -> list[str]:
    """The rows of a shard: `3/12` is the third of twelve, None all. Raises ZooError for what is no shard.

    Every twelfth family, so that shards take equally long: neighbours in the list are of one library.
    """
    number, count = part_of(text)
    return [family.row for family in listed()][number - 1 :: count]


LARGEST = 30_000_000
"""Parameters of what a commit tries; larger ones take too long, and are left to a sweep."""


def for_commit(sha: str, count: int) -> list[Family]:
    """So many of timm's families, which the hash of a commit picks: each turn others, in the end all whose
    entry has no more parameters than LARGEST."""
    families = [each for each in listed() if each.library == "timm" and each.parameters <= LARGEST]
    start = int(sha, 16)
    return [families[(start + place * len(families) // count) % len(families)] for place in range(count)]


def shown(made: Sequence[str]) -> list[str]:
    """The rows that the page is of: those that there are, and those that a sweep makes."""
    return [*dict.fromkeys([*present(), *made])]


def present(folder: Path = Path()) -> list[str]:
    """The rows that there are, by the list's order."""
    return [family.row for family in listed() if (folder / family.row).is_file()]


def stamps(folder: Path = Path()) -> list[str]:
    """The rows that there are, with what tells that one is another: size and time of change in ns."""
    found = ((row, (folder / row).stat()) for row in present(folder))
    return [f"{row} {status.st_size} {status.st_mtime_ns}" for row, status in found]
