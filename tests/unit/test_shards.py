"""Long tests in shards: each in one, a file's together, and the quick ones in all."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import shards

TESTS = Path(shards.__file__).parent
QUICK = "def test_quick(): pass\n"
LONG = (
    "import pytest\n@pytest.mark.long({})\n@pytest.mark.parametrize('n', range(3))\ndef test_long(n): pass\n"
)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "shards",
        "-p",
        "no:cacheprovider",
        "-v",
        "--strict-markers",
    ]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run([*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def passed(folder: Path, *arguments: str) -> set[str]:
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split(" PASSED")[0] for line in done.stdout.splitlines() if " PASSED" in line}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Six files with long and quick tests, of which two are one group."""
    for index in range(5):
        (tmp_path / f"test_{index}.py").write_text(LONG.format(10 + index) + QUICK)
    (tmp_path / "test_5.py").write_text(LONG.format("10, group='test_4.py'") + QUICK)
    return tmp_path


def test_each_long_test_is_in_one_shard_with_its_group_and_the_quick_ones_are_in_all(project: Path):
    all_tests = passed(project)
    runs = [passed(project, "--shard", str(number)) for number in range(1, shards.COUNT + 1)]
    times = Counter(test for ran in runs for test in ran)
    assert times == {test: shards.COUNT if "quick" in test else 1 for test in all_tests}
    for ran in runs:
        files = {test.partition("::")[0] for test in ran if "long" in test}
        assert sum("long" in test for test in ran) == 3 * len(files)
        assert ("test_4.py" in files) == ("test_5.py" in files)


def test_the_run_says_which_shard_it_takes_and_why(project: Path):
    done = run(project, "--shard", "commit")
    sentence = str(shards.choose("commit", shards.commit()))
    assert f"running {sentence}" in done.stdout and f"These were {sentence}." in done.stdout


def test_a_shard_that_is_not_there_is_refused(project: Path):
    done = run(project, "--shard", "99")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--shard 99: give a number from 1 to {shards.COUNT}, commit, or all" in done.stderr


def test_a_commit_always_has_the_same_shard_and_commits_differ():
    commits = [f"{index:040x}" for index in range(5 * shards.COUNT)]
    chosen = [shards.choose("commit", sha).shard for sha in commits]
    assert chosen == [shards.choose("commit", sha).shard for sha in commits]
    assert Counter(chosen) == dict.fromkeys(range(1, shards.COUNT + 1), 5)


def test_without_git_it_is_the_first_and_that_is_said():
    choice = shards.choose("commit", None)
    assert choice.shard == 1 and "git tells no commit" in str(choice)


def test_shards_are_balanced_whatever_the_order():
    seconds = {"a": 9, "b": 7, "c": 6, "d": 5, "e": 4, "f": 1}
    shard = shards.share_out(seconds, 3)
    assert shard == shards.share_out(dict(reversed(seconds.items())), 3)
    load = Counter()
    for group, number in shard.items():
        load[number] += seconds[group]
    assert sorted(load.values()) == [10, 11, 11]


def test_every_long_test_of_this_run_has_one_shard_and_no_other_runs(request: pytest.FixtureRequest):
    long = {item.nodeid for item in request.session.items if item.get_closest_marker("long")}
    shard = request.config.stash[shards.SHARDS]
    assert long <= set(shard) and set(shard.values()) <= set(range(1, shards.COUNT + 1))
    taken = request.config.stash[shards.CHOICE].shard
    assert taken is None or {shard[test] for test in long} <= {taken}
