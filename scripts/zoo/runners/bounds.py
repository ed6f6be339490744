"""What a process gives up, for good, before it runs a program from a file: files, network, memory.

Of the standard library only. See docs/sources.md for what is left to such a program.
"""

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path

from zoo.errors import ZooError, is_out_of_memory, of_runtime

MEMORY_MB = 16 << 10
"""How much memory a model from a file may ask for, beside what its libraries take."""
MEMORY_OF_FILES = 8
"""The same of a large one: so many times its files."""
_GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # of <sched.h>; Python has unshare since 3.12
_NO_NEW_PRIVILEGES = 38  # of <sys/prctl.h>
# Of <linux/landlock.h>; the numbers of system calls added since 2019 are the same on every processor.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _MAKE, _REFER, _TRUNCATE = 1 << 1, 0b1_1111_1111 << 4, 1 << 13, 1 << 14
_BIND_AND_CONNECT = 0b11
_SINKS = (Path("/dev/null"),)

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_limit_mb: int | None = None


def give_up(writable: Iterable[Path] = (), prints: bool = False) -> None:
    """Let this process, and those that it starts, open no file for writing but below the folders `writable`,
    and reach no network; as far as the system lets a process give that up.

    Where Linux has no Landlock (before 5.13, or in some containers) it may write everywhere if it has a
    folder, or prints what may go to a file, and else nothing.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _libc is None:
        return
    if _libc.unshare(_NEW_NETWORK):
        _libc.unshare(_NEW_USER | _NEW_NETWORK)  # without privileges; containers may forbid both
    folders = list(writable)
    if not _landlocked([*folders, *_SINKS]) and not folders and not prints:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _landlocked(writable: Iterable[Path]) -> bool:
    """Whether Landlock keeps this process from now on from writing elsewhere, see landlock(7)."""
    assert _libc is not None
    version = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    handled = _WRITE_FILE | _MAKE | (_REFER if version > 1 else 0) | (_TRUNCATE if version > 2 else 0)
    attributes = struct.pack("=QQ", handled, _BIND_AND_CONNECT)[: 16 if version > 3 else 8]
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in writable:
            allowed = handled if path.is_dir() else handled & (_WRITE_FILE | _TRUNCATE)
            with suppress(OSError):
                handle = os.open(path, os.O_PATH)
                rule = struct.pack("=Qi", allowed, handle)
                _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
                os.close(handle)
        _libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(_libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def memory_for(files: Iterable[str | Path]) -> int:
    """The limit in MB for a model of these files."""
    size = sum(Path(file).stat().st_size for file in files if Path(file).is_file())
    return max(MEMORY_MB, MEMORY_OF_FILES * size >> 20)


def limit_memory(megabytes: int) -> None:
    """Refuse this process, and those that it starts, more memory than it has by now and so much, or what it
    was allowed so far if that is less."""
    global _limit_mb
    # Of what can be written, not of the address space, of which threads reserve much and use little.
    has = _data_kb() << 10
    most, allowed = has + (megabytes << 20), resource.getrlimit(resource.RLIMIT_DATA)[1]
    if allowed != resource.RLIM_INFINITY:
        most = min(most, allowed)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    _limit_mb = (most - has) >> 20


def is_unlimited() -> bool:
    """Whether nobody else limits this process's memory, so that what a child of it is refused below
    `limit_memory` is refused everywhere: what the machine has is not asked, it kills."""
    limits = (resource.RLIMIT_DATA, resource.RLIMIT_AS)
    return all(resource.getrlimit(each)[1] == resource.RLIM_INFINITY for each in limits)


def _data_kb() -> int:
    """What this process has of such memory, by now with its libraries."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmData:")), 0)


def apply_to_artifact(files: Iterable[Path], device: str, own_process: bool = False) -> None:
    """Both, in a process that is about to run an artifact that is a program, once: in a child, or in one that
    does nothing else (`own_process`), for nothing is got back.

    Not where it may run on a GPU, whose drivers write to devices and take memory of their own.
    """
    on_gpu = device == "gpu" and any(map(os.path.exists, _GPUS))
    if (parent_process() is None and not own_process) or on_gpu or _limit_mb is not None:
        return
    give_up(prints=True)
    limit_memory(memory_for(files))


def fault(error: Exception, subject: object, sentence: str) -> Exception:
    """What to raise for an exception of a runtime: that a limit on memory was met, if this process has one;
    else see `zoo.errors.of_runtime`."""
    if _limit_mb is not None and is_out_of_memory(error):
        return ZooError(memory_limit_met(subject, _limit_mb))
    return of_runtime(error, sentence)


def memory_limit_met(subject: object, megabytes: int) -> str:
    return (
        f"{subject} asks for more than {megabytes} MB of memory, the limit for a model from a file; does it "
        "make more of its input without end?"
    )
