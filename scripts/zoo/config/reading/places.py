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

    def typed(self, where: Where) -> str | None:
        """A key as it was typed, if that is known."""


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
        found = self._nodes(where[depth:])
        place = f"{title(self.path)}, {line_of(found[-1].start_mark)}" if found else ""
        return (depth + len(found), place) if found else (0, "")

    def typed(self, where: Where) -> str | None:
        """The key at the end of a way as it is typed there, without quotes; None if the file has none."""
        depth = len(self.below)
        found = self._nodes(where[depth:]) if where[:depth] == self.below else []
        whole = found and len(found) == len(where) - depth and found[-1].id == "scalar"
        return str(found[-1].value) if whole else None

    def _nodes(self, where: Where) -> list[Any]:
        roots = [self.root, *(value for _, value in entries(self.root))]
        return next(filter(None, (_nodes(root, where) for root in roots)), [])


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

    def typed(self, where: Where) -> str | None:
        """Nobody knows: Snakemake hands over values."""
        return None


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


def _nodes(node: Any, where: Where) -> list[Any]:
    """The keys that lead to a value, or values of lists, as far as the node has them."""
    nodes = []
    for part in where:
        if node is not None and node.id == "sequence" and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            nodes.append(node)
            continue
        pair = next(((key, value) for key, value in entries(node) if _is_key(key, part)), None)
        if pair is None:
            break
        nodes.append(pair[0])
        node = pair[1]
    return nodes


def _is_key(node: Any, part: Any) -> bool:
    """Whether a key is read as a value: `no` is false, `~` nothing, and 2024-01-01 a date."""
    if isinstance(part, str) or (type(part) is int and node.value == str(part)):
        return bool(node.value == str(part))
    return node.id == "scalar" and _read(node) == part and type(_read(node)) is type(part)


def _read(node: Any) -> Any:
    import yaml

    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, yaml.YAMLError):
        return node.value
