"""What is said of processes of the past: dead, alive, or nothing."""

import fcntl
import os

import pytest

from zoo.jobs import host
from zoo.jobs.host import Host


@pytest.fixture
def handles(tmp_path):
    """Two descriptors of one file."""
    opened = [os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT) for _ in range(2)]
    yield opened
    for each in opened:
        os.close(each)


def test_a_lock_that_is_held_is_of_the_living_and_a_free_one_of_the_dead(handles):
    own = Host.own()
    fcntl.flock(handles[0], fcntl.LOCK_EX)
    assert own.has_ended(handles[1]) is False
    fcntl.flock(handles[0], fcntl.LOCK_UN)
    assert own.has_ended(handles[1]) is True


def test_a_host_survives_the_way_through_a_name():
    own = Host("0123abcd", "89abcdef")
    assert Host.of(str(own)) == Host.of(f"{own}-17-xyz") == own
    assert Host.of("").boot == Host.of("nonsense").boot == "unknown"


@pytest.mark.parametrize(
    ("there", "ended"),
    [
        (Host("m", "b"), True),  # the lock is free
        (Host("other container", "b"), True),
        (Host("m", "earlier"), True),
        (Host("other", "b2"), None),
        (Host("unknown", "b2"), None),
        (Host("m", "unknown"), None),
    ],
)
def test_only_the_own_kernel_is_asked_and_a_restart_ends_all(there, ended, handles, monkeypatch):
    monkeypatch.setattr(Host, "own", lambda: Host("m", "b"))
    assert there.has_ended(handles[0]) is ended


def test_where_nothing_tells_the_host_nothing_is_dead(handles, monkeypatch):
    monkeypatch.setattr(host, "_text", lambda path: "")
    assert Host.own() == Host("unknown", "unknown")
    assert Host.own().has_ended(handles[0]) is None


def test_a_file_system_without_locks_tells_nothing(handles, monkeypatch):
    def refuse(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert Host.own().has_ended(handles[0]) is None
