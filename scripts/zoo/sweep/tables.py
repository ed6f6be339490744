"""What architectures become, from the rows of a sweep, as tables: for a page, and for the report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.config.settings import DEFAULT_GATES
from zoo.sweep.listed import Family, listed
from zoo.sweep.row import ARTIFACTS, FAITHFUL_DB, FP32, INT8, ONNX, Row

HEADINGS = ("family", "smallest entry point", "px", *ARTIFACTS, "way to ncnn", "what is in the way")
COUNTED = ("library", "families", "tried", "ONNX right", "ncnn fp32 right", f"int8 ≥ {FAITHFUL_DB:g} dB")
REACHED = ("artifact", "sound files", "lowest", "one in twenty is below", "half are below", "default gate")
LONGEST = 360
"""Characters of a sentence in a cell; the row's file has the rest."""

Rows = Mapping[Family, Row | None]
Lines = list[Sequence[str]]


def read_rows(families: Iterable[Family], folder: Path) -> dict[Family, Row | None]:
    """The row of each family, None where there is none. Raises ZooError for a broken one."""
    files = {family: folder / family.row for family in families}
    return {family: Row.read(file) if file.is_file() else None for family, file in files.items()}


@dataclass(frozen=True)
class Table:
    """headings, and lines of as many cells. figures: which columns hold numbers."""

    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    figures: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Architectures:
    """counts: a line a library. reached: a line an artifact. families: by library, a line a family."""

    counts: Table
    reached: Table
    families: dict[str, Table]


def architectures(folder: Path) -> Architectures | None:
    """Of the rows in `folder`, where config.yaml lies; None if there are none. Raises ZooError for a broken
    one."""
    rows = read_rows(listed(), folder)
    return of_rows(rows) if any(rows.values()) else None


def of_rows(rows: Rows) -> Architectures:
    families = {}
    for library in dict.fromkeys(family.library for family in rows):
        lines = (cells(family, row) for family, row in rows.items() if row and family.library == library)
        plain = tuple(tuple(cell.replace("`", "") for cell in line) for line in lines)
        if plain:
            families[library] = Table(HEADINGS, plain, frozenset(range(2, 7)))
    return Architectures(
        Table(COUNTED, tuple(map(tuple, counts(rows))), frozenset(range(1, len(COUNTED)))),
        Table(REACHED, tuple(map(tuple, reached(rows))), frozenset(range(1, len(REACHED)))),
        families,
    )


def counts(rows: Rows) -> Lines:
    """A line a library, under `COUNTED`."""
    lines: Lines = []
    for library in dict.fromkeys(family.library for family in rows):
        own = [row for family, row in rows.items() if family.library == library]
        tried = [row for row in own if row is not None]
        faithful = sum((row.decibels or 0) >= FAITHFUL_DB for row in tried)
        right = [sum(row.works(artifact) for row in tried) for artifact in (ONNX, FP32)]
        lines.append((library, *(f"{count}" for count in (len(own), len(tried), *right, faithful))))
    return lines


def reached(rows: Rows) -> Lines:
    """What sound files reach, a line an artifact, under `REACHED`; empty without rows."""
    lines: Lines = []
    for artifact in ARTIFACTS:
        found = sorted(
            row.artifacts[artifact].sqnr_db or 0 for row in rows.values() if row and row.works(artifact)
        )
        if len(found) > 1:
            places = 0, len(found) // 20, len(found) // 2
            figures = (f"{found[place]:.1f}" for place in places)
            gate = DEFAULT_GATES["fp32" if artifact == ONNX else artifact].min_sqnr_db
            lines.append((artifact, f"{len(found)}", *figures, f"{gate:g}"))
    return lines


def cells(family: Family, row: Row) -> Sequence[str]:
    """A line of the table, under `HEADINGS`."""
    height, width = row.size or (None, None)
    size = "-" if height is None else str(height) if height == width else f"{height}x{width}"
    figures = (_figure(row, artifact) for artifact in ARTIFACTS)
    return (family.name, f"`{family.entry}`", size, *figures, row.way or "-", _sentence(row))


def _figure(row: Row, artifact: str) -> str:
    outcome = row.artifacts.get(artifact)
    if outcome is None or outcome.cosine is None or outcome.sqnr_db is None:
        return "no"
    if artifact == INT8:
        return f"{outcome.sqnr_db:.1f} dB"
    return f"{int(outcome.cosine * 1e6) / 1e6:.6f}"  # never up, or .99995 were 1


def _sentence(row: Row) -> str:
    """Why artifacts are not what they should be, each reason once."""
    reasons: dict[str, list[str]] = {}
    for artifact in ARTIFACTS:
        if reason := row.why(artifact):
            reasons.setdefault(reason, []).append(artifact)
    told = "; ".join(
        f"{', '.join(artifacts)}: {reason if len(reason) <= LONGEST else reason[:LONGEST] + ' …'}"
        for reason, artifacts in reasons.items()
    )
    return told.replace("\n", " ")
