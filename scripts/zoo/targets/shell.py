"""Agents on a machine that runs lines of sh: a board over ssh, a phone over adb.

The agent is copied there once, under the name of its SHA-256. What the lines tell of the agent goes to the
standard error, each in a line that begins with `ncnn-zoo:`, for the exit status that `ssh` and `adb` give may
be one of their own. Nothing else is needed there than sh, cat, chmod, mkdir, mv, rm, uname and wc.
"""

import re
import shlex
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoo.jobs.host import MACHINES
from zoo.jobs.made import made_sha256
from zoo.targets.carriers import started
from zoo.targets.faults import AgentAbsent, ConnectionCut, Unreachable

PLACE_S = 600.0
"""How long the agent may take to get there, by the clock."""
_CANNOT_RUN, _IMPATIENT = 126, 4
"""Status that sh has for a program that the system does not start; and the agent, when nobody asked it for
anything for too long."""

# $1: the cache folder, $2: the agent, $3: its bytes, $4: names of machines, with a space around each
_START = """
machine=$(uname -m)
case "$4" in *" $machine "*) ;; *) echo "ncnn-zoo: machine $machine" >&2; exit 1 ;; esac
[ -f "$2" ] && [ "$(wc -c < "$2")" -eq "$3" ] || { echo "ncnn-zoo: absent" >&2; exit 1; }
echo "ncnn-zoo: started" >&2
"$2" "$1"
echo "ncnn-zoo: ended $?" >&2
"""
_PLACE = """
umask 077
part="$2.$$"
mkdir -p "$1" && { cat > "$part" && [ "$(wc -c < "$part")" -eq "$3" ] && chmod 700 "$part" &&
mv -f "$part" "$2" || { rm -f "$part"; false; }; }
echo "ncnn-zoo: placed $?" >&2
"""
_TOLD = re.compile(r"^ncnn-zoo: (\w+) ?(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Shell(ABC):
    """name: the target's, for sentences. architecture: one of MACHINES."""

    name: str
    architecture: str
    emulated: bool = False
    elsewhere: bool = True

    @abstractmethod
    def command(self, line: str) -> Sequence[str]:
        """The command here that has a line run there, its streams those of the line. Raises Unreachable if
        that cannot be."""

    @abstractmethod
    def fault(self, code: int | None, said: str) -> Unreachable:
        """What is wrong if that command ended with a code, and printed so much, before the line did."""

    def start(self, agent: Path, cache: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        machines = f" {' '.join(MACHINES[self.architecture])} "
        return started(self.command(line(_START, *_there(agent, cache), machines)), errors)

    def ended(self, code: int | None, said: str) -> int | None:
        told = dict(_TOLD.findall(said))
        if "machine" in told:
            raise Unreachable(self._another(told["machine"]), lasting=True)
        if "absent" in told:
            raise AgentAbsent(f"{self.name}: there is no agent yet")
        if "ended" not in told:
            fault = self.fault(code, said)
            raise ConnectionCut(str(fault)) if "started" in told and not fault.lasting else fault
        status = int(told["ended"])
        if status == _CANNOT_RUN:
            raise Unreachable(
                f"{self.name}: the agent may not be run there ({words(said)}): give a folder that programs "
                f"may be run in (targets: {{{self.name}: {{folder: …}}}})",
                lasting=True,
            )
        if status == _IMPATIENT:
            raise ConnectionCut(f"{self.name}: the agent there ended, for nobody asked it for anything")
        return 128 - status if status > 128 else status

    def place(self, agent: Path, cache: str) -> None:
        command = self.command(line(_PLACE, *_there(agent, cache)))
        try:
            with agent.open("rb") as program:
                done = subprocess.run(command, stdin=program, capture_output=True, timeout=PLACE_S)
        except OSError as error:
            raise Unreachable(f"{self.name}: {command[0]} cannot be started: {error}", True) from error
        except subprocess.TimeoutExpired as error:
            raise Unreachable(
                f"{self.name}: the agent ({agent.stat().st_size / 1e6:.1f} MB) was not there after "
                f"{PLACE_S:.0f} s; is the link slow?"
            ) from error
        said = done.stderr.decode(errors="replace")
        status = dict(_TOLD.findall(said)).get("placed")
        if status is None:
            raise self.fault(done.returncode, said)
        why = words(said)
        if status != "0":
            raise Unreachable(
                f"{self.name}: the agent cannot be kept in {cache} there ({why or 'it was cut off'}); "
                f"make room, or give another folder (targets: {{{self.name}: {{folder: …}}}})",
                lasting=bool(why),
            )

    def _another(self, machine: str) -> str:
        for architecture, names in MACHINES.items():
            if machine in names:
                return (
                    f"{self.name} is a machine of the architecture {architecture}, not {self.architecture}: "
                    f"say so (targets: {{{self.name}: {{architecture: {architecture}}}}})"
                )
        return (
            f"{self.name} is a machine of the architecture {machine or 'that nothing tells'}, and there are "
            f"agents for {', '.join(MACHINES)} only"
        )


def line(script: str, *arguments: str) -> str:
    """A line for whatever shell somebody has there: a script of sh, and what it gets as $1 and so on."""
    return " ".join(["sh", "-c", *map(shlex.quote, (script, "sh", *arguments))])


def known_fault(
    where: str, said: str, lasting: Mapping[str, str], passing: Mapping[str, str]
) -> Unreachable | None:
    """What is wrong with the way to a machine, by what the command that leads there printed.

    lasting, passing: what it may print, as regular expressions, -> what that means. where: for the sentence.
    """
    for faults, lasts in ((lasting, True), (passing, False)):
        for pattern, sentence in faults.items():
            if re.search(pattern, said, re.IGNORECASE):
                return Unreachable(f"{where} cannot be reached: {sentence} ({words(said)})", lasts)
    return None


def words(said: str) -> str:
    """The last line that was printed by others than our own scripts."""
    lines = [each.strip() for each in said.splitlines() if each.strip() and not _TOLD.match(each)]
    return lines[-1][:200] if lines else ""


def _there(agent: Path, cache: str) -> tuple[str, str, str]:
    """The cache folder, the agent's path in it, and its bytes."""
    return cache, f"{cache}/agent-{made_sha256(agent)[:16]}", str(agent.stat().st_size)
