"""Where a value of the configuration stands: in which file, line and column, or on the command line.

Read each time a build starts, so the standard library is all it needs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from zoo.errors import EntryError, PlacedError, ZooError

Where = tuple[str | int, ...]
"""Where a value is: the keys and indices that lead to it."""


class Source(Protocol):
    """What a part of the configuration was read from."""

    def found(self, where: Where) -> tuple[int, str]:
        """How many of the keys that lead to a value it has, and the place of the last of those in words."""


@dataclass(frozen=True)
class ConfigFile:
    """A file that was read. root: the node of all that it says, None if it is empty; see `yaml.compose`.
    below: the keys under which that stands in the configuration."""

    path: Path
    root: Any
    below: Where = ()

    def found(self, where: Where) -> tuple[int, str]:
        """In words `mine.yaml, line 7, column 3`, both from 1; (0, "") if it has none.

        In somebody's own workflow the configuration may be a part of the file, a level below its top.
        """
        depth = len(self.below)
        if where[:depth] != self.below:
            return 0, ""
        roots = [self.root, *(value for _, value in entries(self.root))]
        marks = (_marks(root, where[depth:]) for root in roots)
        found = next(filter(None, marks), [])
        return (depth + len(found), f"{title(self.path)}, {line_of(found[-1])}") if found else (0, "")


@dataclass(frozen=True)
class TypedConfig:
    """What `--config` of a command line says."""

    values: Mapping[str, Any]

    def found(self, where: Where) -> tuple[int, str]:
        value: Any = self.values
        for depth, part in enumerate(where):
            if not isinstance(value, Mapping) or part not in value:
                return depth, "--config" if depth else ""
            value = value[part]
        return len(where), "--config"


def title(path: Path) -> str:
    """What messages call a file: as it is seen from the working folder, or by its name if it is not below."""
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return path.name if here.is_absolute() else str(here)


def located(sources: Sequence[Source], where: Where) -> str:
    """` (config.yaml, line 7, column 3)` for a value: where its key stands, or, where no source has that, the
    innermost of the keys around it. Of several the last is right; empty if none has any."""
    depth, place = 0, ""
    for source in sources:
        reached, told = source.found(where)
        if reached and reached >= depth:
            depth, place = reached, told
    return f" ({place})" if place else ""


def mistake(text: str, sources: Sequence[Source], where: Where = ()) -> ZooError:
    """What is wrong with a value, to be raised: a PlacedError if it has a place."""
    place = located(sources, where)
    return PlacedError(f"{text}{place}") if place else ZooError(text)


@contextmanager
def locating(sources: Sequence[Source]) -> Iterator[None]:
    """Add the place to an EntryError of the block."""
    try:
        yield
    except EntryError as error:
        raise mistake(str(error), sources, error.where) from error


def line_of(mark: Any) -> str:
    """`line 7, column 3` of a mark of yaml."""
    return f"line {mark.line + 1}, column {mark.column + 1}"


def entries(node: Any) -> list[tuple[Any, Any]]:
    """The pairs of nodes of a mapping; of another node, or None, none."""
    return list(node.value) if node is not None and node.id == "mapping" else []


def _marks(node: Any, where: Where) -> list[Any]:
    """Where the keys stand that lead to a value, by yaml, as far as the node has them."""
    marks = []
    for part in where:
        if node is not None and node.id == "sequence" and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            marks.append(node.start_mark)
            continue
        pair = next(((key, value) for key, value in entries(node) if key.value == str(part)), None)
        if pair is None:
            break
        marks.append(pair[0].start_mark)
        node = pair[1]
    return marks
