"""Requests that wait are taken together; an empty queue costs nothing."""

import time
from queue import Queue

from zoo.serving.loop import PatientLoop


def test_requests_that_wait_are_taken_together_and_an_empty_queue_is_waited_for():
    class Api:
        max_batch_size, batch_timeout, request_timeout, stream = 3, 0, 5, False

    queue: Queue = Queue()
    for number in range(4):
        queue.put((0, f"u{number}", time.monotonic() - (10 if number == 1 else 0), number))
    loop = PatientLoop()
    batch, late = loop.get_batch_requests(Api, queue, None)
    assert [each[2] for each in batch] == [0, 2, 3] and late == [(0, "u1")]
    start = time.process_time()
    assert loop.get_batch_requests(Api, queue, None) == ([], [])
    assert time.process_time() - start < 0.5, "it sleeps while it waits"
