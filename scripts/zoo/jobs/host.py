"""Which start of which machine this is: what tells whether a process of the past can still live.

Whether a process lives is asked by a lock of it (`flock`), which the kernel takes back however the process
ends, and which, unlike its number, means the same in every container. Only the kernel that gave the lock can
be asked: what another machine holds in a shared folder may look free.
"""

import fcntl
import hashlib
import platform
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MACHINES = {
    "aarch64": ("aarch64", "arm64"),
    "x86_64": ("x86_64", "amd64"),
    "armhf": ("armv7l", "armv8l"),
    "riscv64": ("riscv64",),
}
"""An architecture -> what machines of it call themselves (`uname -m`)."""

_BOOT = "/proc/sys/kernel/random/boot_id"
_UNKNOWN = "unknown"


def is_one(architecture: str, machine: str | None = None) -> bool:
    """Whether a machine, by what it calls itself, by default this one, is of an architecture."""
    return (machine or platform.machine()) in MACHINES.get(architecture, (architecture,))


@dataclass(frozen=True)
class Host:
    """machine, boot: short hashes of a machine and of one start of its kernel; `unknown` if nothing tells.

    Containers on one machine are machines of their own, and share the start of its kernel.
    """

    machine: str
    boot: str

    @classmethod
    def own(cls) -> Self:
        """The one that this process runs on."""
        machine = _text("/etc/machine-id")
        return cls(_hash(machine and socket.gethostname() + machine), _hash(_text(_BOOT)))

    @classmethod
    def of(cls, name: str) -> Self:
        """From what `__str__` made, with or without something behind."""
        machine, boot, *_ = (*name.split("-"), _UNKNOWN, _UNKNOWN)
        return cls(machine, boot)

    def __str__(self) -> str:
        return f"{self.machine}-{self.boot}"

    def has_ended(self, handle: int) -> bool | None:
        """Whether the process is dead that locked a file or folder on this host; None if nothing tells.

        handle: a descriptor of what it locked, whose lock is taken if the process is dead.
        """
        own = Host.own()
        if self.boot == own.boot != _UNKNOWN:
            return _locked(handle)
        restarted = self.machine == own.machine != _UNKNOWN and _UNKNOWN not in (self.boot, own.boot)
        return True if restarted else None


def _locked(handle: int) -> bool | None:
    """Whether a lock could be had, which is kept then. None where there are no locks on such a file."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text else _UNKNOWN
