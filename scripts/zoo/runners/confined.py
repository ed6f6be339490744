"""Functions that run strangers' model files within bounds: a file of TorchScript or ONNX is a program.

The child process may write files in the folders that it is given only, has no network where the system lets
it give that up, and so much time and memory. What it may still do is read what its user may read; see
docs/sources.md.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from threading import Timer
from typing import Any, TypeVar

from zoo.errors import ZooError, is_out_of_memory
from zoo.jobs.isolation import Child, ChildDied
from zoo.jobs.scratch import scratch
from zoo.runners.bounds import MEMORY_MB, give_up, limit_memory, memory_for, memory_limit_met

R = TypeVar("R")

SECONDS = 600.0
"""How long a model may take to be loaded and to answer once or twice."""
EXPORT_SECONDS = 7200.0
"""How long a file of it may take to be converted, by the clock: a large one takes minutes."""


def confined(
    what: str,
    function: Callable[..., R],
    *arguments: Any,
    seconds: float = SECONDS,
    memory_mb: int = MEMORY_MB,
    writable: Sequence[Path] = (),
) -> R:
    """Result of `function(*arguments)`, called in a child process within these bounds; all must be picklable.

    writable: folders in which it may write. What it logs is logged here. Exceptions come back as they were
    raised. Raises ZooError, naming `what` and the bound, if the process does not end in time, asks for more
    memory, or crashes; ChildDied if it is ended from outside.
    """
    with (
        _temporary(writable) as own,
        Child.of(_start, [folder.resolve() for folder in writable], own) as child,
    ):
        watch = Timer(seconds, child.kill)
        watch.start()
        try:
            result, records = child.call(what, _called, memory_mb, function, arguments)
        except ChildDied as error:
            if not watch.is_alive():
                raise ZooError(
                    f"{what} did not answer within {seconds:g} s, the limit for a model from a file; does it "
                    "loop without end?"
                ) from error
            if not error.crashed:
                raise
            raise ZooError(f"{what} ended the process that ran it ({error}); export it again") from error
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise ZooError(memory_limit_met(what, memory_mb)) from error
        finally:
            watch.cancel()
    for record in records:
        logging.getLogger(record.name).handle(record)
    returned: R = result
    return returned


def converted(
    what: str,
    source: str | Path,
    function: Callable[..., R],
    *arguments: Any,
    seconds: float | None = None,
    folder: Path | None = None,
) -> R:
    """The same of a function that makes another file of a model's file `source`, and runs what that holds.

    seconds: by default EXPORT_SECONDS. folder: in which it writes, by default that of the last of the
    arguments. For a large file there is more memory.
    """
    writable = [folder or Path(arguments[-1]).parent]
    limits: dict[str, Any] = {"seconds": seconds or EXPORT_SECONDS, "memory_mb": memory_for([source])}
    return confined(what, function, *arguments, **limits, writable=writable)


@contextmanager
def _temporary(writable: Sequence[Path]) -> Iterator[Path | None]:
    """A folder for what libraries write for a while, where it may be written; it is gone at the end."""
    if not writable:
        yield None
        return
    with scratch(writable[0] / "of libraries") as folder:
        yield folder.resolve()


def _start(writable: Sequence[Path], own: Path | None) -> None:
    if own is not None:
        tempfile.tempdir = os.environ["TMPDIR"] = str(own)
    give_up(writable)


def _called(
    _: None, memory_mb: int, function: Callable[..., R], arguments: tuple[Any, ...]
) -> tuple[R, list[logging.LogRecord]]:
    """What the function returned, and what it logged."""
    queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
    root = logging.getLogger()
    root.addHandler(QueueHandler(queue))
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    limit_memory(memory_mb)
    result = function(*arguments)
    return result, [queue.get() for _ in range(queue.qsize())]
