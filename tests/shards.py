"""The long tests in shards: a pytest plugin, because one small machine must end in half an hour.

A test, or by `pytestmark` a module, that takes more than some 15 s bears `pytest.mark.long(seconds)`. Tests
without the mark run always; of those with it `--shard N` runs the Nth part. The long tests of a file stay
together, because they share its fixtures, and so do those that name the same `group`. The seconds only weigh:
they are what all the tests under one mark take together, fixtures included, on two cores.

(pytest-shard and pytest-split deal tests out one by one, and would build a module's fixtures in every shard.)
"""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

COUNT = 12
"""Shards. One more for every five minutes that the long tests grow by on the slowest machine."""


@dataclass(frozen=True)
class Choice:
    """Which shard a run takes, from 1 (None: all of them), and why."""

    shard: int | None
    reason: str

    def __str__(self) -> str:
        if self.shard is None:
            return "the quick tests and all long ones"
        return f"the quick tests and shard {self.shard} of {COUNT} of the long ones, {self.reason}"


CHOICE = pytest.StashKey[Choice]()
SHARDS = pytest.StashKey[dict[str, int]]()
"""The shard of each long test that was collected, by its name."""


def choose(option: str, sha: str | None) -> Choice:
    """What `--shard` asks for: `all`, a number, or `commit`, the shard that belongs to the commit `sha`.

    sha: hexadecimal, or None where there is no git: then it is the first shard. Raises pytest.UsageError.
    """
    if option == "all":
        return Choice(None, "")
    if option == "commit":
        if sha is None:
            return Choice(1, "for git tells no commit")
        return Choice(int(sha, 16) % COUNT + 1, f"by the commit {sha[:10]}")
    if option in map(str, range(1, COUNT + 1)):
        return Choice(int(option), "as asked for")
    raise pytest.UsageError(f"--shard {option}: give a number from 1 to {COUNT}, commit, or all")


def share_out(seconds: Mapping[str, float], count: int) -> dict[str, int]:
    """The shard, from 1, of each group: the longest first, each to the shard that has the least so far."""
    load = dict.fromkeys(range(1, count + 1), 0.0)
    shard = {}
    for group in sorted(seconds, key=lambda group: (-seconds[group], group)):
        shard[group] = min(load, key=load.__getitem__)
        load[shard[group]] += seconds[group]
    return shard


def group_of(item: pytest.Item) -> str | None:
    """What a long test stays together with: its mark's group, or its file. None: it is a quick one."""
    mark = item.get_closest_marker("long")
    return mark and mark.kwargs.get("group", item.nodeid.partition("::")[0])


def weights(items: Iterable[pytest.Item]) -> dict[str, float]:
    """Seconds of each group of long tests. A mark counts once, however many tests it is for."""
    marks = {id(mark): (group, mark.args[0]) for item, group, mark in _marked(items)}
    seconds: dict[str, float] = {}
    for group, share in marks.values():
        seconds[group] = seconds.get(group, 0) + share
    return seconds


def _marked(items: Iterable[pytest.Item]) -> Iterable[tuple[pytest.Item, str, pytest.Mark]]:
    for item in items:
        if group := group_of(item):
            yield item, group, item.get_closest_marker("long")


def commit() -> str | None:
    """The hash of the commit that is checked out."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", default="all", help="of the long tests: a number, commit, or all (default)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long(seconds, group=file): runs in one shard only; see tests/shards.py"
    )
    config.stash[CHOICE] = choose(config.getoption("shard"), commit())
    config.stash[SHARDS] = {}


def pytest_report_header(config: pytest.Config) -> str:
    return f"running {config.stash[CHOICE]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other shards, and put the files that take longest first, for they end last."""
    seconds = weights(items)
    shard = share_out(seconds, COUNT)
    files: dict[Path, float] = {}
    for item, group, _ in _marked(items):
        files[item.path] = max(files.get(item.path, 0), seconds[group])
        config.stash[SHARDS][item.nodeid] = shard[group]
    items.sort(key=lambda item: -files.get(item.path, 0))
    if number := config.stash[CHOICE].shard:
        others = {item for item in items if config.stash[SHARDS].get(item.nodeid, number) != number}
        config.hook.pytest_deselected(items=[item for item in items if item in others])
        items[:] = [item for item in items if item not in others]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(f"These were {config.stash[CHOICE]}.")
