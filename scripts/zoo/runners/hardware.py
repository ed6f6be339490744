"""Names of the hardware at hand."""

import os
import platform
from functools import cache
from pathlib import Path


@cache
def cpu_name() -> str:
    """The processor's marketing name, or its architecture where the system does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cpu_count() -> int:
    """CPUs that this process may use (a batch system may grant fewer than the machine has)."""
    return len(os.sched_getaffinity(0))


def peak_memory() -> int:
    """Peak resident memory in bytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")
