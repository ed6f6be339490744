"""The pages tell the truth about the code: links, paths and modules exist, and tables name what is there."""

import importlib
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(PROJECT.glob("[!C]*.md")), PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/*.md"))]
"""All but the changelog, which tells what has gone."""
SOURCES = [*sorted((PROJECT / "scripts").rglob("*.py")), *sorted((PROJECT / "rules").glob("*.smk"))]
EXAMPLES = re.compile(r"```yaml\n.*?```", re.DOTALL)
"""They name files of the user's own."""
FOLDERS = ("scripts", "rules", "tests", "docs", "benchmarks", "calib", "profiles")
PATHS = rf"(?<![\w/.-])((?:{'|'.join(FOLDERS)})/[\w./*<>-]*|zoo/\w+(?:/[\w./]*|\.py))"
RULES = "\n".join(path.read_text() for path in [PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk")])
FILES = (PROJECT / "docs/files.md").read_text(encoding="utf-8")


def pages(pattern: str, pages: list[Path] = PAGES) -> list:
    """Each thing that a pattern finds in a page, with the page."""
    return [
        pytest.param(page, name, id=f"{page.name}: {name}")
        for page in pages
        for name in sorted(set(re.findall(pattern, EXAMPLES.sub("", page.read_text(encoding="utf-8")))))
    ]


@pytest.mark.parametrize(("page", "link"), pages(r"\]\((?!https?:)([^)#]+)"))
def test_a_link_leads_somewhere(page: Path, link: str):
    assert (page.parent / link).exists()


@pytest.mark.parametrize(("page", "path"), pages(PATHS))
def test_a_path_exists(page: Path, path: str):
    base = PROJECT / "scripts" if path.startswith("zoo/") else PROJECT
    pattern = re.sub(r"<\w+>", "*", path.rstrip("./"))
    assert list(base.glob(pattern)), f"{page.name} names {path}"


@pytest.mark.parametrize(("page", "name"), pages(r"`(zoo\.(?!csv)\w+(?:\.\w+)*)`", PAGES + SOURCES))
def test_a_module_exists_and_has_what_is_said(page: Path, name: str):
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return
    raise AssertionError(f"{page.name} names {name}")


def scripts() -> dict[str, str | None]:
    """The script of each rule; None for a rule that has none, or takes another's."""
    blocks = re.split(r"^(?:use rule \w+ as |rule |checkpoint )(\w+)(?: with)?:", RULES, flags=re.MULTILINE)
    found = (re.search(r'"\.\./scripts/(\w+)\.py"', block) for block in blocks[2::2])
    return dict(zip(blocks[1::2], (match and match[1] for match in found), strict=True))


def test_the_table_of_files_names_every_rule_that_makes_one_and_its_script():
    rows = re.findall(r"^\| `.*\| (.*) \|$", FILES, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    rules = scripts()
    without = {
        "all",
        "embedded",
        "arm64",
        "evaluate",
        "check_manifest",
        "empty_boards",
        "impossible",
        "dataset",
        "prune_cache",
        "calibrate_shard",
        "sweep",
    }
    assert named == set(rules) - without
    for row in rows:
        for rule, script in re.findall(r"`(\w+)` \(`(\w+)\.py`\)", row):
            assert rules[rule] in (script, None), f"{rule} runs {rules[rule]}.py"
    explained = set(re.findall(r"`(\w+)` \(`\w+\.py`\)", " ".join(rows))) | {"import_onnx"}
    assert {rule for rule in named if rules[rule] != rule} == explained
