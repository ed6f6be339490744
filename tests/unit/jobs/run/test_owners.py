"""The locks of the dead are taken over; those of the living, and of whom nothing is known, stay."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zoo.jobs.host import Host
from zoo.jobs.run.owners import take_over

BUILD = """
import sys, time
from pathlib import Path
from zoo.jobs.run.owners import take_over

print("said:", take_over(Path("owners"), Path("locks")), flush=True)
for name in sys.argv[1:]:
    Path("locks", name).touch()
    print(name, flush=True)
if sys.argv[1:]:
    time.sleep(300)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("locks").mkdir()


@contextmanager
def build(*locks: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """A process that takes over, writes these locks and lives on, if there are any; with what it was told."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", BUILD, *locks]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline().removeprefix("said:").strip()
            for _ in locks:
                process.stdout.readline()
            yield process, said
            if not locks:
                assert process.wait(30) == 0
        finally:
            process.kill()


def killed(*locks: str) -> None:
    with build(*locks) as (process, _):
        process.kill()
        process.wait()


def left() -> tuple[set[str], int]:
    """The locks, and how many records of owners."""
    return {path.name for path in Path("locks").iterdir()}, len(list(Path("owners").glob("*.owner")))


def test_the_lock_of_a_dead_build_is_taken_over():
    killed("0.input.lock", "0.output.lock")
    with build() as (_, said):
        assert said == ""
    assert left() == (set(), 0)


def test_the_lock_of_a_living_build_stays_and_its_process_is_named():
    with build("0.input.lock") as (process, _):
        with build() as (_, said):
            assert said == f"process {process.pid} on {os.uname().nodename} builds in this folder"
        assert left() == ({"0.input.lock"}, 1)
        process.kill()
        process.wait()
    with build():
        pass
    assert left() == (set(), 0)


def test_a_living_build_that_started_after_the_lock_was_written_does_not_own_it():
    killed("0.input.lock")
    record = next(Path("owners").glob("*.owner"))
    record.rename("record")
    with build("1.input.lock") as (process, _):  # as if it had begun before the record could be looked at
        Path("record").rename(record)
        with build() as (_, said):
            assert said.startswith(f"process {process.pid} ")
        assert left()[0] == {"1.input.lock"}


def test_of_two_that_may_own_a_lock_the_living_keeps_it_until_it_ends():
    with build("1.input.lock") as (living, _):
        time.sleep(0.05)
        killed("0.input.lock")
        with build() as (_, said):
            assert f"process {living.pid}" in said
        assert left() == ({"0.input.lock", "1.input.lock"}, 2)
        living.kill()
        living.wait()
    with build():
        pass
    assert left() == (set(), 0)


def test_a_lock_of_which_nothing_is_known_stays():
    Path("locks/0.input.lock").touch()
    time.sleep(0.05)
    killed("1.input.lock")
    with build() as (_, said):
        assert said == ""
    assert left() == ({"0.input.lock"}, 0)


@pytest.mark.parametrize(("machine", "taken"), [("own", True), ("other", False)])
def test_another_machine_is_never_taken_for_dead_and_a_restarted_one_is(machine, taken):
    Path("owners").mkdir()
    there = Host(machine.replace("own", Host.own().machine), "earlier")
    Path(f"owners/{there}-1.owner").write_text("process 7 on elsewhere")
    Path("locks/0.input.lock").touch()
    with build() as (_, said):
        assert said == ("" if taken else "process 7 on elsewhere builds in this folder")
    assert left() == ((set(), 0) if taken else ({"0.input.lock"}, 1))


def test_a_disk_without_locks_changes_nothing(monkeypatch):
    def refuse(*_):
        raise OSError("no locks available")

    Path("locks/0.input.lock").touch()
    monkeypatch.setattr("fcntl.flock", refuse)
    assert take_over(Path("owners"), Path("locks")) == ""
    assert left()[0] == {"0.input.lock"}
