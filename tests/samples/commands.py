"""The commands of the pages, as a reader would copy them: blocks fenced as `sh`, and `spans` in the text.

A block runs as it stands. One that cannot bears a mark, an HTML comment on the line before it:

    <!-- test: plan: a build takes minutes -->
    <!-- test: in tests/workflow/test_programs.py: types them with stand-ins for a board -->
    <!-- test: none: it is an installation of gigabytes -->

`plan`: Snakemake is asked what it would do. `in`: another test types the block. `none`: nobody does.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from samples.workflow import PROJECT

PAGES = [
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
KINDS = ("plan", "in", "none")
FENCE = re.compile(
    r"(?:^<!-- test: (?P<mark>.*?) -->\n)?^```(?:sh|bash|console)\n(?P<text>.*?)^```$", re.M | re.S
)
SPAN = re.compile(r"`((?:snakemake|python|make|pytest|zoo) [^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its commands, and what its mark says, if it has one."""

    page: str
    line: int
    text: str
    mark: str | None

    @cached_property
    def kind(self) -> str:
        """run, or what the mark says."""
        return "run" if self.mark is None else self.mark.partition(":")[0].partition(" ")[0]

    @cached_property
    def test(self) -> str:
        """The test that a mark of the kind `in` names."""
        return (self.mark or "").partition(":")[0].partition(" ")[2]

    @cached_property
    def reason(self) -> str:
        return (self.mark or "").partition(":")[2].strip()

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text, page = path.read_text(encoding="utf-8"), str(path.relative_to(PROJECT))
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["text"], found["mark"])
        for found in FENCE.finditer(text)
    ]


def commands(text: str) -> list[str]:
    """The commands of a block, without the comments behind them; a line that goes on is one with the next."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [line for line in (re.sub(r"(^|\s)# .*$", "", each).strip() for each in lines) if line]


def spans(path: Path) -> list[str]:
    """The commands in the text of a page."""
    return sorted(
        set(SPAN.findall(re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)))
    )
