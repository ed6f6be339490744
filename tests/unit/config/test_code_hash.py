"""The code hash changes with what a script runs, and with nothing else."""

import os
from pathlib import Path

import pytest

from zoo.config import code_hash as module


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A script that imports lib.a, which imports lib.b inside a function; lib.c is imported by none."""
    module._read.cache_clear()
    module._module_files.cache_clear()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/__init__.py").write_text('"""A library."""\n')
    (tmp_path / "lib/a.py").write_text("def f():\n    from lib.b import g\n    return g()\n")
    (tmp_path / "lib/b.py").write_text("def g():\n    return 1\n")
    (tmp_path / "lib/c.py").write_text("X = 1\n")
    (tmp_path / "job.py").write_text("import os\nfrom lib import a\na.f()\n")
    return tmp_path


def digest(scripts: Path, *more: Path) -> str:
    module._read.cache_clear()
    module._module_files.cache_clear()
    return module.code_hash(scripts / "job.py", *more)


@pytest.mark.parametrize("name", ["job.py", "lib/__init__.py", "lib/a.py", "lib/b.py"])
def test_code_that_runs_counts(scripts: Path, name: str):
    before = digest(scripts)
    with (scripts / name).open("a") as handle:
        handle.write("y = 2\n")
    assert digest(scripts) != before


def test_code_that_is_not_imported_does_not_count(scripts: Path):
    before = digest(scripts)
    (scripts / "lib/c.py").write_text("X = 2\n")
    assert digest(scripts) == before


def test_comments_blank_lines_and_docstrings_do_not_count(scripts: Path):
    before = digest(scripts)
    (scripts / "lib/b.py").write_text('"""New."""\n\n\ndef g():  # why\n    """New."""\n    return 1\n')
    assert digest(scripts) == before


def test_a_string_that_is_no_docstring_counts(scripts: Path):
    (scripts / "lib/b.py").write_text('def g():\n    return "one"\n')
    before = digest(scripts)
    (scripts / "lib/b.py").write_text('def g():\n    return "two"\n')
    assert digest(scripts) != before


def test_a_file_named_besides_counts_with_its_imports_and_other_files_by_their_text(scripts: Path):
    alone, page = digest(scripts), scripts / "page.html"
    page.write_text("<p>")
    with_both = digest(scripts, scripts / "lib/c.py", page)
    assert with_both != alone
    page.write_text("<b>")
    assert digest(scripts, scripts / "lib/c.py", page) != with_both


def test_the_folder_it_lies_in_does_not_count(scripts: Path, tmp_path: Path):
    before = digest(scripts)
    moved = scripts.rename(tmp_path.parent / f"{tmp_path.name}-moved")
    assert digest(moved) == before


def test_what_is_noted_is_as_what_is_read_and_counts_no_longer_than_the_file_is_the_same(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    notes = tmp_path / "notes"

    def noted() -> str:
        module._read.cache_clear()
        module._module_files.cache_clear()
        return module.code_hash(scripts / "job.py", notes=notes)

    assert noted() == digest(scripts)
    parsed: list[str] = []
    whole = module._parsed
    monkeypatch.setattr(module, "_parsed", lambda path: parsed.append(path.name) or whole(path))
    assert noted() == digest(scripts)
    parsed.clear()
    noted()
    assert not parsed
    before = (scripts / "lib/b.py").stat()
    (scripts / "lib/b.py").write_text("def g():\n    return 2\n")  # as long as it was
    os.utime(scripts / "lib/b.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = noted()
    assert parsed == ["b.py"] and after == digest(scripts)
