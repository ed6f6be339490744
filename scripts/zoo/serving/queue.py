"""The queue of requests between the process that listens and those that compute."""

import contextlib
import os
import select
from multiprocessing import Pipe
from queue import Queue
from typing import Any


class RequestQueue:
    """A queue of multiprocessing's manager, but one whose readers wait outside of it.

    Who waits in the manager has a thread there that goes on waiting when its process is killed, takes the
    next request and sends it to nobody. Here the waiting is for a byte in a pipe, of which a dead process
    takes none; only then a request is taken. A request whose byte was lost with a worker waits until another
    one's `get` times out. It can be pickled to processes that are spawned.
    """

    def __init__(self, queue: "Queue[Any]") -> None:
        self._queue = queue
        self._reader, self._writer = Pipe(duplex=False)
        for end in (self._reader, self._writer):
            os.set_blocking(end.fileno(), False)

    def put(self, item: Any) -> None:
        self._queue.put(item)
        with contextlib.suppress(BlockingIOError):  # there are thousands of bytes, for everybody to wake up
            os.write(self._writer.fileno(), b"+")

    def get(self, timeout: float | None = None) -> Any:
        """The next request; raises queue.Empty after `timeout` seconds, or earlier if another one took it."""
        select.select([self._reader], [], [], timeout)
        return self.get_nowait()

    def get_nowait(self) -> Any:
        """The next request; raises queue.Empty if there is none."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader.fileno(), 1)
        return self._queue.get_nowait()
