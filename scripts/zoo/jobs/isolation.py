"""Run a function in a child process, so that a native crash is an error and not the end of the job.

ncnn ends the process with a segmentation fault on inputs that it does not check.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context, parent_process
from queue import SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeVar

from zoo.errors import ArtifactError

P = ParamSpec("P")
R = TypeVar("R")


def isolated(what: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Result of `function(*args, **kwargs)`, called in a fresh child process.

    Function, arguments and result must be picklable. Exceptions come back as they were raised.
    Raises ArtifactError, naming `what`, when the child dies.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=end_with_parent) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise _crash(what) from error


def isolated_each(
    calls: Mapping[str, tuple[Any, ...]],
    function: Callable[..., R],
    processes: int,
    start: Callable[..., None],
    *shared: Any,
) -> Iterator[R]:
    """Results of `function(*arguments)` for each of `calls`, in their order, from several child processes.

    calls: arguments by what a call is about. Each child calls `start(*shared)` first, and then takes the next
    call as soon as it is done with one. Raises ArtifactError, naming the call, when its child dies.
    """
    free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()

    def call(what: str) -> R:
        child = free.get()
        try:
            return child.submit(function, *calls[what]).result()
        except BrokenProcessPool as error:
            raise _crash(what) from error
        finally:
            free.put(child)

    with ExitStack() as stack:
        count = max(1, min(processes, len(calls)))
        for _ in range(count):  # a pool for each child, for a pool does not tell whose child died
            child = ProcessPoolExecutor(1, get_context("spawn"), _start, (start, shared))
            free.put(stack.enter_context(child))
        yield from stack.enter_context(ThreadPoolExecutor(count)).map(call, calls)


def _start(start: Callable[..., None], shared: tuple[Any, ...]) -> None:
    end_with_parent()
    start(*shared)


def _crash(what: str) -> ArtifactError:
    return ArtifactError(f"{what}: the runtime crashed or was killed (out of memory?) while running it")


def end_with_parent() -> None:
    """Else the child of a killed job would finish its work and then wait for more, for ever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
