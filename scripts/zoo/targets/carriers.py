"""What starts an agent and carries what is said to it and by it: this machine itself, or an emulator."""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from zoo.errors import ZooError
from zoo.jobs.lifeline import end_with_parent
from zoo.targets.cmake import ARM64

EMULATOR = "qemu-aarch64-static"


class Carrier(Protocol):
    """How an agent is reached. emulated: whether its processor is a program, whose time means nothing."""

    @property
    def emulated(self) -> bool: ...

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        """The agent's process, or one that speaks for it, with pipes to its standard streams.

        agent: the program, on this machine. cache: the folder there that it keeps files in. errors: where
        what it prints goes. Raises ZooError if it cannot be started.
        """


@dataclass(frozen=True)
class Native:
    """The agent is a program for this machine."""

    emulated: bool = False

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        return started([str(agent.absolute()), cache], errors)


@dataclass(frozen=True)
class Emulated:
    """The agent runs in QEMU, which emulates one program on a processor by name, such as `cortex-a76`."""

    cpu: str
    emulated: bool = True

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        if shutil.which(EMULATOR) is None:
            raise ZooError(
                f"there is no emulator of {self.cpu} ({EMULATOR}) on this machine: install qemu-user-static "
                "(Debian's package)"
            )
        return started([EMULATOR, "-cpu", self.cpu, str(agent.absolute()), cache], errors)


def emulation(cpu: str, machine: str | None = None) -> Carrier:
    """What carries an agent for 64-bit ARM to a processor by name: where the machine is one, the machine."""
    return Native() if (machine or platform.machine()) in ARM64 else Emulated(cpu)


def started(command: Sequence[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process that ends with this one. Raises ZooError if the system does not start it."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            preexec_fn=end_with_parent,
        )
    except OSError as error:
        raise ZooError(f"{command[0]} cannot be started: {error}") from error
