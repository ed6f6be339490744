"""`zoo compare`; tests/unit/measure/test_compare.py has the script's."""

import json
from pathlib import Path

from samples.artifacts import make_tree, photos
from samples.command import call


def test_an_artifact_differs_from_itself_in_nothing(tmp_path: Path):
    param, photo = make_tree(tmp_path), photos(tmp_path, 1)[0].path
    done = call("compare", param, param, photo, "--json")
    assert done.exit_code == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows and all(row["max_abs"] == 0 for row in rows)


def test_the_table_begins_with_what_was_compared(tmp_path: Path):
    param, photo = make_tree(tmp_path), photos(tmp_path, 1)[0].path
    assert call("compare", param, param, photo).stdout.startswith(
        "cpu/small/fp32 against cpu/small/fp32, 0.png\n"
    )
