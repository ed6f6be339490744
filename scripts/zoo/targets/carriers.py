"""What starts an agent and carries what is said to it and by it: this machine itself, or an emulator; for
other machines see `shell`."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from zoo.errors import ZooError
from zoo.jobs.host import is_one
from zoo.jobs.lifeline import end_with_parent

EMULATORS = {
    "aarch64": "qemu-aarch64-static",
    "armhf": "qemu-arm-static",
    "riscv64": "qemu-riscv64-static",
}
"""An architecture -> QEMU's program that runs those of it."""


class Carrier(Protocol):
    """How an agent is reached. emulated: whether its processor is a program, whose time means nothing.
    elsewhere: whether it runs on another machine, where the agent is copied to, and which others may use."""

    @property
    def emulated(self) -> bool: ...

    @property
    def elsewhere(self) -> bool: ...

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        """The agent's process, or one that speaks for it, with pipes to its standard streams.

        agent: the program, on this machine. cache: the folder there that it keeps files in. errors: where
        what it prints goes. Raises ZooError if it cannot be started.
        """

    def ended(self, code: int | None, said: str) -> int | None:
        """How the agent ended, as `subprocess` has it, where that process ended with a code after it had
        printed so much. Raises AgentAbsent if it is not there yet, and Unreachable if it was never started
        or the way to it is gone."""

    def place(self, agent: Path, cache: str) -> None:
        """Have the agent there, whole. Raises Unreachable if that does not succeed."""


class _OnThisMachine:
    elsewhere = False

    def ended(self, code: int | None, said: str) -> int | None:
        return code

    def place(self, agent: Path, cache: str) -> None:
        """It is here."""


@dataclass(frozen=True)
class Native(_OnThisMachine):
    """The agent is a program for this machine."""

    emulated: bool = False

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        return started([str(agent.absolute()), cache], errors)


@dataclass(frozen=True)
class Emulated(_OnThisMachine):
    """The agent runs in QEMU, which emulates one program on a processor by name, such as `cortex-a76`."""

    cpu: str
    architecture: str = "aarch64"
    emulated: bool = True

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        emulator = EMULATORS[self.architecture]
        if shutil.which(emulator) is None:
            raise ZooError(
                f"there is no emulator of {self.cpu} ({emulator}) on this machine: install qemu-user-static "
                "(Debian's package)"
            )
        return started([emulator, "-cpu", self.cpu, str(agent.absolute()), cache], errors)


def emulation(cpu: str, architecture: str = "aarch64", machine: str | None = None) -> Carrier:
    """What carries an agent to a processor by name: the machine, where it is one of the architecture."""
    return Native() if is_one(architecture, machine) else Emulated(cpu, architecture)


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
