"""Which workers are alive: a table in shared memory, into which each writes itself when it is ready."""

import multiprocessing
import os

import psutil

_NOT_ALIVE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD, psutil.STATUS_STOPPED)


class Roll:
    """The process numbers of `count` workers. It can be pickled to processes that are spawned."""

    def __init__(self, count: int) -> None:
        self._numbers = multiprocessing.get_context("spawn").RawArray("q", count)

    def __len__(self) -> int:
        return len(self._numbers)

    def enter(self, worker: int) -> None:
        """Called by a worker that is ready."""
        self._numbers[worker] = os.getpid()

    def alive(self, parent: int) -> int:
        """How many of those that were ready are there now, as children of that process."""
        return sum(_lives(number, parent) for number in self._numbers if number)


def _lives(number: int, parent: int) -> bool:
    try:
        process = psutil.Process(number)
        # Whose child it is, for the number of one that is gone may be given to another process.
        return process.ppid() == parent and process.status() not in _NOT_ALIVE
    except psutil.Error:
        return False
