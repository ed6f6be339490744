"""Taking waiting requests together: LitServe's loop for batches, made patient."""

from queue import Empty, Queue
from typing import Any

from litserve.loops.simple_loops import BatchedLoop


class PatientLoop(BatchedLoop):  # type: ignore[misc]
    """LitServe's loop that takes requests in batches, but one that sleeps while there are none: the original
    asks an empty queue again at once, or every millisecond, and so takes a core for nothing."""

    def get_batch_requests(self, lit_api: Any, request_queue: Any, transport: Any) -> Any:
        try:
            first = request_queue.get(timeout=1.0)
        except Empty:
            return [], []
        return super().get_batch_requests(lit_api, _Preceded(first, request_queue), transport)


class _Preceded:
    """A queue with one item before its own."""

    def __init__(self, first: Any, queue: "Queue[Any]") -> None:
        self._first, self._queue = [first], queue

    def get_nowait(self) -> Any:
        return self._first.pop() if self._first else self._queue.get_nowait()
