"""docs/architectures.md: the rows of a sweep as a table to read, with the counts."""

import re
from collections.abc import Iterable, Sequence

from zoo.sweep.listed import LIST, ROWS
from zoo.sweep.row import FAITHFUL_DB, LEAST_INT8_DB
from zoo.sweep.tables import COUNTED, HEADINGS, REACHED, Rows, cells, counts, reached


def render(rows: Rows) -> str:
    """The page."""
    libraries = dict.fromkeys(family.library for family in rows)
    parts = [_HEAD, *_table(COUNTED, counts(rows))]
    for library in libraries:
        own = {family: row for family, row in rows.items() if family.library == library}
        tried = {family: row for family, row in own.items() if row is not None}
        missing = [f"{family.name} (`{family.entry}`)" for family, row in own.items() if row is None]
        parts += ["", f"## {library}", ""]
        parts += _table(HEADINGS, [cells(family, row) for family, row in tried.items()])
        parts += ["", f"Not tried yet: {', '.join(missing)}."] if missing else []
    if lines := reached(rows):
        parts += ["", "## What sound files reach", "", _REACH, "", *_table(REACHED, lines)]
    return "\n".join(parts) + "\n"


_HEAD = f"""# Architectures

What each family of timm, torchvision and open_clip's image towers becomes. A family is a module of the \
library, or the class of an image tower; it stands with its smallest entry point, at a small size that \
this takes, 96 px or more. Weights are random, and none of them trivial. The list was committed before \
the first row: `scripts/zoo/sweep/{LIST.name}`.

The figures are the smallest cosine to the untouched model in torch, over eight photographs and a random \
input, and for int8 the SQNR in dB by the recipe `local` from eight other photographs or, where that is \
below {FAITHFUL_DB:g} dB, by those of the search's recipes that leave the costliest layers float (rows \
whose sentence says "by the local recipe" are older, and by that one alone). Right \
is a cosine of .9999 or more, and 60 dB. The way to ncnn is the first whose pair answers as the model \
does.

`snakemake sweep` makes the rows that are missing, `snakemake sweep --config sweep=3/12` a part of them; \
stopped, it goes on where it was. The rows lie in `{ROWS}/`, to be committed: whoever wants one anew \
deletes it. `snakemake architectures` writes this page of those there are. `zoo doctor \
MODEL` tells the same of one model.
"""


_REACH = f"""The SQNR in dB of the files above that are right: of int8, of those that reach \
{LEAST_INT8_DB:g} dB. A gate that `config.yaml` does not set has the default, and a sound file is above it."""


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """Markdown, figures to the right; nothing without lines."""
    lines = list(lines)
    if not lines:
        return []
    right = [
        all(re.fullmatch(r"[-.\d]+|no", line[place]) for line in lines) for place in range(len(headings))
    ]
    rule = ("---:" if figures else "---" for figures in right)
    return [_line(headings), _line(rule), *map(_line, lines)]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
