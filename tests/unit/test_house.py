"""The house stays in order: nothing too large, a test where it is looked for, and rules without logic."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LIBRARY = PROJECT / "scripts/zoo"
UNIT = PROJECT / "tests/unit"
MODULES = sorted(
    path
    for path in LIBRARY.rglob("*.py")
    if path.name != "__init__.py" or len(ast.parse(path.read_text()).body) > 1  # more than a docstring
)

COVERED = {
    "config/records/kept_trials.py": "terminal/test_watched.py",
    "models/libraries/__init__.py": "models/libraries/test_library.py",
}
"""Modules whose tests lie elsewhere, and where; at most fifteen."""

ACROSS = {
    "cli/test_without_torch.py": "what runs files, where nothing is installed that builds them",
    "config/test_schema.py": "config.yaml, its schema, the pages and the library's names",
    "images/test_sets_of_calib.py": "the image sets that ship in calib/",
    "locks/test_processors.py": "files that must not depend on the processor, made on others",
    "models/libraries/test_library.py": "what every library answers, which mypy checks too",
    "quantize/test_transformers.py": "linear layers and attention through plan, recipe and graph",
    "terminal/test_logger_plugin.py": "Snakemake's events, as the plugin tells them in a pipe",
    "report/test_browser.py": "the page in a browser",
}
"""Test modules that bear no module's name, and what they are about."""


def relative(path: Path) -> str:
    return path.relative_to(LIBRARY).as_posix()


def places_for(module: Path) -> list[str]:
    """Where a module's test may be: for a package's own module in the package or beside it."""
    path = module.relative_to(LIBRARY)
    if path.name != "__init__.py":
        return [(path.parent / f"test_{path.name}").as_posix()]
    package = path.parent
    return [
        (folder / f"test_{package.name or LIBRARY.name}.py").as_posix()
        for folder in (package, package.parent)
    ]


def has_test(module: Path) -> bool:
    return any((UNIT / test).exists() for test in places_for(module))


def test_no_folder_is_crowded():
    folders = {path.parent for path in MODULES}
    modules = {
        folder: [path for path in folder.glob("*.py") if path.stem != "__init__"] for folder in folders
    }
    assert max(map(len, modules.values())) <= 16, max(modules, key=lambda folder: len(modules[folder]))


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_functions_and_classes_can_be_read_at_once(module: Path):
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= (130 if isinstance(node, ast.ClassDef) else 50), node.name


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_a_module_has_a_test_of_its_name(module: Path):
    assert has_test(module) or relative(module) in COVERED, f"write {places_for(module)[0]}"


def test_few_modules_are_tested_elsewhere_and_there_indeed():
    assert len(COVERED) <= 15
    for module, test in COVERED.items():
        name = "zoo." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        package, _, last = name.rpartition(".")
        assert not has_test(LIBRARY / module), f"{module} has a test of its name: take it out of COVERED"
        used = rf"(from {name} import|import {name}\b|from {package} import .*\b{last}\b)"
        assert re.search(used, (UNIT / test).read_text()), f"{test} does not import {name}"


def test_a_test_is_named_after_a_module_or_says_what_it_is_about():
    names = {test for module in LIBRARY.rglob("*.py") for test in places_for(module)}
    tests = {path.relative_to(UNIT).as_posix() for path in UNIT.glob("*/**/test_*.py")}
    assert tests - names == set(ACROSS)


def test_no_test_imports_another():
    importing = re.compile(r"^\s*(?:from|import) (?:tests\b|unit\b|test_|workflow\.|e2e\.)", re.MULTILINE)
    assert not [path for path in UNIT.parent.rglob("*.py") if importing.search(path.read_text())]


def test_every_job_keeps_how_it_made_its_files():
    for script in (PROJECT / "scripts").glob("*.py"):
        for node in ast.walk(ast.parse(script.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "reporting":
                assert [ast.unparse(each) for each in node.args[2:]] == ["snakemake"], script.name


def test_rules_hold_no_logic():
    longest = {"common.smk": 160, "run.smk": 32, "requests.smk": 30, "cluster.smk": 100, "sentences.smk": 40}
    longest |= {
        "models.smk": 32,
        "terminal.smk": 60,
        "storage.smk": 75,
        "software.smk": 20,
        "mistakes.smk": 60,
    }
    for name, lines in longest.items():
        assert len((PROJECT / "rules" / name).read_text().splitlines()) <= lines
    for path in [PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk")]:
        if path.name not in longest:
            assert not re.search(r"^\s*(?:def|class|if|for|while|import) ", path.read_text(), re.MULTILINE), (
                path.name
            )
