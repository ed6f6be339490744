"""docs/architectures.md: the rows of a sweep as a table to read, with the counts."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from zoo.sweep.listed import LIST, ROWS, Family
from zoo.sweep.row import ARTIFACTS, FAITHFUL_DB, FP32, INT8, ONNX, Row

HEADINGS = ("family", "smallest entry point", "px", *ARTIFACTS, "way to ncnn", "what is in the way")
LONGEST = 360
"""Characters of a sentence in a cell; the row's file has the rest."""

Rows = Mapping[Family, Row | None]


def read_rows(families: Iterable[Family], folder: Path) -> dict[Family, Row | None]:
    """The row of each family, None where there is none. Raises ZooError for a broken one."""
    files = {family: folder / family.row for family in families}
    return {family: Row.read(file) if file.is_file() else None for family, file in files.items()}


def render(rows: Rows) -> str:
    """The page."""
    libraries = dict.fromkeys(family.library for family in rows)
    parts = [_HEAD, *_counts(rows, libraries)]
    for library in libraries:
        own = {family: row for family, row in rows.items() if family.library == library}
        tried = {family: row for family, row in own.items() if row is not None}
        missing = [f"{family.name} (`{family.entry}`)" for family, row in own.items() if row is None]
        parts += ["", f"## {library}", ""]
        parts += [_line(HEADINGS), _line(("---",) * len(HEADINGS))] if tried else []
        parts += [_line(_cells(family, row)) for family, row in tried.items()]
        parts += ["", f"Not tried yet: {', '.join(missing)}."] if missing else []
    return "\n".join(parts) + "\n"


_HEAD = f"""# Architectures

What each family of timm, torchvision and open_clip's image towers becomes. A family is a module of the \
library, or the class of an image tower; it stands with its smallest entry point, at a small size that \
this takes, 96 px or more. Weights are random, and none of them trivial. The list was committed before \
the first row: `scripts/zoo/sweep/{LIST.name}`.

The figures are the smallest cosine to the untouched model in torch, over eight photographs and a random \
input, and for int8 the SQNR in dB by the recipe `local` from eight other photographs or, where that is \
below {FAITHFUL_DB:g} dB, by those of the search's recipes that leave the costliest layers float. Right \
is a cosine of .9999 or more. The way to ncnn is the first whose pair answers as the model does.

`snakemake sweep` makes the rows that are missing, `snakemake sweep --config sweep=3/12` a part of them; \
stopped, it goes on where it was. The rows lie in `{ROWS}/`, to be committed: whoever wants one anew \
deletes it. `snakemake architectures` writes this page of those there are. `python scripts/doctor.py \
MODEL` tells the same of one model.
"""


def _counts(rows: Rows, libraries: Iterable[str]) -> list[str]:
    lines = [
        _line(("library", "families", "tried", "ONNX right", "ncnn fp32 right", f"int8 ≥ {FAITHFUL_DB:g} dB"))
    ]
    lines.append(_line(("---", *("---:",) * 5)))
    for library in libraries:
        own = [row for family, row in rows.items() if family.library == library]
        tried = [row for row in own if row is not None]
        faithful = sum((row.decibels or 0) >= FAITHFUL_DB for row in tried)
        right = [sum(row.works(artifact) for row in tried) for artifact in (ONNX, FP32)]
        lines.append(_line((library, *(f"{count}" for count in (len(own), len(tried), *right, faithful)))))
    return lines


def _cells(family: Family, row: Row) -> Sequence[str]:
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


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
