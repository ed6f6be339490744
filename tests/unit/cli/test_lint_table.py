"""`zoo lint-table`."""

import json
from pathlib import Path

import pytest

from samples.artifacts import pair
from samples.command import call
from samples.ncnn import small_network


@pytest.fixture
def param(tmp_path: Path) -> Path:
    return pair(small_network(), tmp_path)[0]


def table(folder: Path, text: str) -> Path:
    path = folder / "some.table"
    path.write_text(text)
    return path


def test_findings_are_a_line_each_and_an_error_ends_with_one(param: Path, tmp_path: Path):
    done = call("lint-table", param, table(tmp_path, "elsewhere 3\n"))
    assert done.exit_code == 1 and done.stdout.startswith("error: ")
    rows = [
        json.loads(line)
        for line in call("lint-table", param, tmp_path / "some.table", "--json").stdout.splitlines()
    ]
    assert [
        f"{'error' if row['error'] else 'warning'}: {row['text']}" for row in rows
    ] == done.stdout.splitlines()


def test_a_file_that_there_is_not_is_a_sentence(param: Path, tmp_path: Path):
    done = call("lint-table", param, tmp_path / "none.table")
    assert done.exit_code == 1 and done.stderr.startswith("error: ") and "none.table" in done.stderr
