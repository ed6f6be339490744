"""Commands in the pages: a block runs in a test or bears a mark that says why not; what it names exists.

`pytest --collect-only -q tests/unit/test_commands.py` lists the marks with their reasons.
tests/workflow/test_commands.py runs the blocks.
"""

import re
import shlex
from pathlib import Path

import click
import pytest
import snakemake.exceptions

from samples.commands import KINDS, PAGES, PROJECT, Block, blocks, commands, spans
from zoo.cli.main import zoo

BLOCKS = [block for page in PAGES for block in blocks(page)]
MARKED = [block for block in BLOCKS if block.mark is not None]
TYPED = sorted(
    {command for page in PAGES for command in spans(page)} | {c for b in BLOCKS for c in commands(b.text)}
)
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [pytest.param(each, id=f"{each} {each.mark}") for each in MARKED])
def test_a_mark_says_how_and_why(block: Block):
    assert block.kind in KINDS, f"{block}: a mark begins with one of {', '.join(KINDS)}"
    assert len(block.reason.split()) >= 4, f"{block}: say why"
    if block.kind == "plan":
        assert all(command.startswith("snakemake ") for command in commands(block.text))
    if block.kind == "in":
        text = (PROJECT / block.test).read_text(encoding="utf-8")
        page = "docs/{page}.md" in text or block.page in text
        assert page or all(each.split()[1] in text for each in commands(block.text)), block.test


def test_few_blocks_are_run_by_nobody():
    unrun = [block for block in MARKED if block.kind == "none"]
    assert len(unrun) < len(BLOCKS) / 4


def test_no_mark_is_lost():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count("<!-- test: ") == sum(block.mark is not None for block in blocks(page)), page


@pytest.mark.parametrize("command", [each for each in TYPED if each.startswith("make")])
def test_a_target_of_make_exists(command: str):
    for word in shlex.split(command)[1:]:
        assert "=" in word or re.search(rf"^{re.escape(word)}:", MAKEFILE, re.MULTILINE), word


@pytest.mark.parametrize("command", [each for each in TYPED if each.startswith(("python ", "zoo "))])
def test_a_program_exists_and_has_the_options(command: str):
    program, script, *arguments = command.partition(" -- ")[0].split()
    if program == "python" and not script.startswith(("scripts/", "benchmarks/", "tests/")):
        return  # Python's own, or the program of a bundle
    known = options_of(program, script)
    for option in (each for each in arguments if each.startswith("--")):
        assert option in known, f"{program} {script} has no {option}"


def options_of(program: str, script: str) -> str | set[str]:
    """What there is of options: of commands of `zoo` a set, of other programs their source."""
    text = "" if program == "zoo" else (PROJECT / script).read_text(encoding="utf-8")
    name = script if program == "zoo" else Path(script).stem.replace("_", "-")
    if program != "zoo" and "zoo.cli" not in text:
        return text
    if script.isupper() or script.startswith("-"):
        return {"--help"}
    command = zoo.get_command(click.Context(zoo), name)
    if command is None and program != "zoo":
        return text
    assert command is not None, f"zoo has no command {name}"
    return {"--help"} | {option for each in command.params for option in each.opts}


def test_the_readme_is_short():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 1400
    assert len(text.splitlines()) <= 130


def test_the_readme_quotes_what_is_said():
    """The sentences under `When it says no` are those of the code, or of Snakemake."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| `([^`]+)` \|", readme[readme.index("## When it says no") :], re.MULTILINE)
    library = [*(PROJECT / "scripts/zoo").rglob("*.py"), Path(snakemake.exceptions.__file__)]
    source = "\n".join(path.read_text(encoding="utf-8") for path in library)
    assert len(said) >= 5
    for sentence in said:
        for part in re.split(r"…|, | is |below|[0-9.]+", sentence):
            assert part.strip() in source, sentence
