"""Who builds into storage: one build at a time, wherever it runs.

The lock is an object that only one build can write (a conditional write) and that it writes anew while it
lives. All times are by the clock of the storage, so those of the machines need not agree.
"""

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

import psutil

from zoo.errors import ZooError
from zoo.jobs.host import Host
from zoo.storage.bucket import OURS, Bucket, Stored

NAME = f"{OURS}lock.json"
RENEW_S = 20
STALE_S = 150
"""Seconds after which a build that did not write its lock anew is dead."""


@dataclass(frozen=True)
class Holder:
    """A build. host: see `zoo.jobs.host`; process, started: its number there, and when it began, in seconds;
    name: for people."""

    host: str
    process: int
    started: float
    name: str
    nonce: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def own(cls) -> Self:
        process = psutil.Process()
        name = f"{getpass.getuser()} on {socket.gethostname()}, process {process.pid} in {Path.cwd()}"
        return cls(str(Host.own()), process.pid, process.create_time(), name)

    def has_ended(self) -> bool:
        """Whether its process is known to be dead: where it is of this machine."""
        own, its = Host.own(), Host.of(self.host)
        if "unknown" in (its.machine, its.boot) or own.machine != its.machine:
            return False
        if own.boot != its.boot:
            return True
        try:
            return abs(psutil.Process(self.process).create_time() - self.started) > 1
        except psutil.NoSuchProcess:
            return True


class Lock:
    """The lock of a bucket's prefix, which this process holds."""

    def __init__(self, bucket: Bucket, holder: Holder, tag: str) -> None:
        self._bucket, self._holder, self._tag = bucket, holder, tag

    @classmethod
    def take(cls, bucket: Bucket) -> Self:
        """Raises ZooError, with who it is, if another build lives there."""
        own = Holder.own()
        text = _text(own)
        tag = bucket.write(NAME, text, only_if="*")
        while tag is None:
            if (there := bucket.read(NAME)) is None:
                tag = bucket.write(NAME, text, only_if="*")
                continue
            holder = _holder(there[0])
            if not _is_dead(holder, there[1], bucket.now):
                raise ZooError(_held(bucket, holder))
            tag = bucket.write(NAME, text, only_if=there[1].tag)
        mine = bucket.read(NAME)
        if mine is None or mine[0] != text:  # storage that does not know conditions: the last one has it
            raise ZooError(_held(bucket, _holder(mine[0]) if mine else None))
        return cls(bucket, own, mine[1].tag)

    def renew(self) -> None:
        """Say that this process lives. Raises ZooError if another build took the lock meanwhile."""
        # A space more or less: an ETag is that of the content.
        text = _text(self._holder) + b" " * (os.urandom(1)[0] + 1)
        tag = self._bucket.write(NAME, text, only_if=self._tag)
        if tag is None:
            there = self._bucket.read(NAME)
            raise ZooError(_held(self._bucket, _holder(there[0]) if there else None))
        self._tag = tag

    def release(self) -> None:
        there = self._bucket.read(NAME)
        if there and _holder(there[0]) == self._holder:
            self._bucket.remove([NAME])


def _is_dead(holder: Holder | None, stored: Stored, now: float) -> bool:
    return now - stored.changed > STALE_S or (holder is not None and holder.has_ended())


def _held(bucket: Bucket, holder: Holder | None) -> str:
    who = holder.name if holder else "another process"
    return (
        f"{bucket.url}: {who} builds there; wait for its end, or stop it: {STALE_S} s later it counts as "
        "dead (--unlock takes its lock away at once)"
    )


def _text(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _holder(text: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(text))
    except (ValueError, TypeError):
        return None
