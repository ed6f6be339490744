"""What strangers' model files may do: a file of TorchScript or ONNX is a program, and is run within bounds.

The child process may not write files, has no network where the system lets it give that up, and so much time
and memory. What it may still do is read what its user may read; see docs/sources.md.
"""

import ctypes
import resource
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any, TypeVar

from zoo.errors import ZooError, is_out_of_memory
from zoo.jobs.isolation import Child, ChildDied

R = TypeVar("R")

SECONDS = 600.0
"""How long a model may take to be loaded and to answer once or twice."""
MEMORY_MB = 16 << 10
"""How much memory it may ask for, beside what its libraries take."""
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # of <sched.h>; Python has unshare since 3.12


def confined(
    what: str,
    function: Callable[..., R],
    *arguments: Any,
    seconds: float = SECONDS,
    memory_mb: int = MEMORY_MB,
) -> R:
    """Result of `function(*arguments)`, called in a child process within these bounds; all must be picklable.

    Exceptions come back as they were raised. Raises ZooError, naming `what` and the bound, if the process
    does not end in time, asks for more memory, or crashes.
    """
    with Child.of(_confine) as child:
        watch = Timer(seconds, child.kill)
        watch.start()
        try:
            result: R = child.call(what, _called, memory_mb, function, arguments)
            return result
        except ChildDied as error:
            if not watch.is_alive():
                raise ZooError(
                    f"{what} did not answer within {seconds:g} s, the limit for a model from a file; does it "
                    "loop without end?"
                ) from error
            raise ZooError(f"{what} ended the process that ran it ({error}); export it again") from error
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise ZooError(f"{what} asks for more than {memory_mb} MB of memory, the limit") from error
        finally:
            watch.cancel()


def _confine() -> None:
    """Give up, in this process and for good, what no model needs."""
    libc = ctypes.CDLL(None)
    if libc.unshare(_NEW_NETWORK):
        libc.unshare(_NEW_USER | _NEW_NETWORK)  # without privileges; containers may forbid both
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _called(_: None, memory_mb: int, function: Callable[..., R], arguments: tuple[Any, ...]) -> R:
    # Of what can be written, not of the address space, of which threads reserve much and use little.
    most = _data_kb() + (memory_mb << 10) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    return function(*arguments)


def _data_kb() -> int:
    """What this process has of such memory, by now with its libraries."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmData:")), 0)
