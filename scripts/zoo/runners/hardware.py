"""Names of the hardware at hand."""

import os
from pathlib import Path


def cpu_count() -> int:
    """CPUs that this process may use (a batch system may grant fewer than the machine has)."""
    return len(os.sched_getaffinity(0))


def peak_memory() -> int:
    """Peak resident memory in bytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")
