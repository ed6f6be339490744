"""The processors that an emulator knows: it is asked when a build is planned, which takes milliseconds.

Only the standard library is imported, because a build asks each time it starts.
"""

import shutil
import subprocess
import sys
from functools import cache

from zoo.errors import meant
from zoo.jobs.host import is_one
from zoo.targets.carriers import EMULATORS

_UNKNOWN = "unable to find CPU model"
_SHOWN = 8
_ASKED_S = 20


@cache
def processor_fault(cpu: str | None, architecture: str, machine: str | None = None) -> str:
    """What is wrong with a processor that is to be emulated, with the nearest that there is: a sentence
    without an end; empty if nothing is known to be: there is none, the emulator is not there, or the machine,
    by what it calls itself, by default this one, is of the architecture, and nothing is emulated."""
    if cpu is None or is_one(architecture, machine) or shutil.which(EMULATORS[architecture]) is None:
        return ""
    emulator = EMULATORS[architecture]
    known = _known(emulator)
    # The list need not have what it takes by another name; what program it is given is no matter.
    if cpu in known or _UNKNOWN not in _said(emulator, "-cpu", cpu, sys.executable):
        return ""
    near = meant([cpu], known) or f"it knows {', '.join(known[:_SHOWN])} …: {emulator} -cpu help"
    return f"QEMU ({emulator}) has no processor {cpu}; {near}"


def _known(emulator: str) -> list[str]:
    """A name a line, below a line that ends in a colon or not."""
    lines = map(str.split, _said(emulator, "-cpu", "help").splitlines())
    return [words[0] for words in lines if len(words) == 1]


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_ASKED_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""  # the job that starts it tells
    return done.stdout + done.stderr
