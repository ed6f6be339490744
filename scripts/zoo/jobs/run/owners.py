"""Who builds in a folder: the locks of a build that was killed are taken over, those of one that lives stay.

Snakemake's lock files do not say whose they are. So each build leaves a record that it holds a lock on (see
`zoo.jobs.host`), which is older than any lock file that it writes.
"""

import atexit
import fcntl
import os
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

from zoo.jobs.host import Host


@dataclass(frozen=True)
class Owner:
    """A build: its record, since when (ns, by the clock of the folder's disk), and whether it is dead, as
    `Host.has_ended` tells it."""

    record: Path
    since: int
    dead: bool | None

    def may_own(self, lock: Path) -> bool:
        return _changed(lock) >= self.since


@cache
def take_over(records: Path, locks: Path) -> str:
    """Make this process an owner until it ends, and remove the lock files of the dead.

    records: a folder for this only. locks: that of the lock files, `*.lock`. One goes if a dead owner may
    have written it and no other may.
    Returns what is to be said of the owners of those that stay; nothing if there are none.
    """
    records.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(records / "mutex"):
            owners = [_owner(record) for record in sorted(records.glob("*.owner"))]
            left = _left(owners, sorted(locks.glob("*.lock")))
            _register(records / f"{Host.own()}-{uuid4().hex}.owner")
    except OSError:  # a disk without locks, or one that is read only: as without all this
        return ""
    names = [_name(owner) for owner in owners if not owner.dead and any(map(owner.may_own, left))]
    return f"{' and '.join(names)} builds in this folder" if names else ""


def _left(owners: Collection[Owner], locks: Collection[Path]) -> list[Path]:
    """Remove the lock files of the dead, and then their records; returns the lock files that stay."""
    left = []
    for lock in locks:
        possible = [owner.dead for owner in owners if owner.may_own(lock)]
        if possible and all(possible):
            lock.unlink(missing_ok=True)
        else:
            left.append(lock)
    for owner in owners:
        if owner.dead and not any(map(owner.may_own, left)):
            owner.record.unlink(missing_ok=True)
    return left


def _owner(record: Path) -> Owner:
    with suppress(FileNotFoundError), record.open("rb+") as handle:
        return Owner(record, _changed(record), Host.of(record.stem).has_ended(handle.fileno()))
    return Owner(record, 0, True)  # it has ended since, and cleaned up


def _register(record: Path) -> None:
    """Leave a record whose lock is held, and which is there, for as long as this process lives."""
    handle = os.open(record, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
    atexit.register(record.unlink, missing_ok=True)


def _name(owner: Owner) -> str:
    try:
        return owner.record.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@contextmanager
def _alone(mutex: Path) -> Iterator[None]:
    with mutex.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
