"""Run a function in a child process, so that a native crash is an error and not the end of the job.

ncnn ends the process with a segmentation fault on inputs that it does not check.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import ParamSpec, TypeVar

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
            raise ArtifactError(
                f"{what}: the runtime crashed or was killed (out of memory?) while running it"
            ) from error


def end_with_parent() -> None:
    """Else the child of a killed job would finish its work and then wait for more, for ever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
