"""Jobs are chosen by what Snakemake would find, and it looks no more often than there is something new."""

import asyncio
from types import SimpleNamespace

import pytest

from zoo.jobs.run.selection import Later, of_new_files, when_read, where_one_has_pipes


def job(*files: str) -> SimpleNamespace:
    return SimpleNamespace(input=files)


class Scheduler:
    """Sizes of files as Snakemake keeps them, for as long as they are few."""

    def __init__(self, most: int = 100) -> None:
        self.most = most
        self._input_sizes: dict[str, int | None] = {}
        self.there = {"a": 1, "b": 2, "c": 3, "d": 4}
        self.asked: list[str] = []

    async def update(self, jobs) -> None:
        files = {file for each in jobs for file in each.input}
        self.asked += sorted(files)
        self._input_sizes |= {file: self.there.get(file) for file in files}
        if len(self._input_sizes) > self.most:
            for file in set(self._input_sizes) - files:
                del self._input_sizes[file]


@pytest.fixture
def look():
    looked = of_new_files(Scheduler.update)
    return lambda scheduler, *jobs: asyncio.run(looked(scheduler, list(jobs)))


def test_a_size_is_looked_for_once_and_each_is_known(look):
    scheduler = Scheduler()
    first, second = job("a", "b"), job("b", "c")
    look(scheduler, first)
    look(scheduler, first, second)
    look(scheduler, first, second)
    assert scheduler.asked == ["a", "b", "b", "c"] and scheduler._input_sizes == {"a": 1, "b": 2, "c": 3}


def test_a_file_that_is_not_there_is_looked_for_again(look):
    scheduler = Scheduler()
    waiting = job("a", "e")
    look(scheduler, waiting)
    assert scheduler._input_sizes["e"] is None
    scheduler.there["e"] = 5
    look(scheduler, waiting)
    assert scheduler._input_sizes["e"] == 5


def test_what_snakemake_forgets_is_looked_for_again(look):
    scheduler = Scheduler(most=3)
    few, many = job("a"), job("b", "c", "d")
    look(scheduler, few)
    look(scheduler, few, many)
    assert scheduler._input_sizes == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_what_is_left_is_found_when_it_is_read_and_once():
    asked = []
    scheduler = SimpleNamespace()
    left = when_read(property(lambda it: asked.append(it) or ["one", "two"])).__get__(scheduler)
    assert isinstance(left, Later) and not asked
    assert list(left) == ["one", "two"] and len(left) == 2 and left[1] == "two" and asked == [scheduler]
    assert not when_read(property(lambda it: [])).__get__(scheduler)


def test_pipes_are_looked_for_once_a_job_and_file_by_file_only_where_there_are_some():
    asked: list[str] = []

    def ask(job, file) -> bool:
        asked.append(file)
        return any(file in each.pipe_or_service_output for each in job.dag.dependencies[job.name])

    class Reader:
        def __init__(self, name: str, *outputs: set[str]) -> None:
            self.name, needed = name, [SimpleNamespace(pipe_or_service_output=each) for each in outputs]
            self.dag = SimpleNamespace(dependencies={name: needed, self: needed})

    plain, piped = Reader("plain", set(), set()), Reader("piped", set(), {"b"})
    look = where_one_has_pipes(ask)
    assert [look(job, file) for job in (plain, piped, plain) for file in "ab"] == [
        False, False, False, True, False, False
    ]  # fmt: skip
    assert asked == ["a", "b"]
