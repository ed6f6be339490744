"""The queue of requests: who is killed while it waits takes nothing along."""

import multiprocessing
import time
from multiprocessing.connection import Connection
from queue import Empty

import pytest

from zoo.serving.queue import RequestQueue

PATIENCE = 60


def serve(queue: RequestQueue, answers: Connection) -> None:
    answers.send("ready")
    while True:
        try:
            answers.send(queue.get(timeout=PATIENCE))
        except Empty:
            continue


def test_a_request_is_not_lost_with_a_reader_that_is_killed_while_it_waits():
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        queue = RequestQueue(manager.Queue())
        readers = []
        for _ in range(2):
            here, there = context.Pipe()
            readers.append((context.Process(target=serve, args=(queue, there), daemon=True), here))
            readers[-1][0].start()
            assert here.recv() == "ready"
        (victim, _), (_, answers) = readers
        time.sleep(0.3)  # both wait by now
        victim.kill()
        victim.join()
        for number in range(5):
            queue.put(number)
            assert answers.poll(PATIENCE) and answers.recv() == number
        readers[1][0].kill()


def test_it_is_a_queue():
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        queue = RequestQueue(manager.Queue())
        with pytest.raises(Empty):
            queue.get(timeout=0.01)
        for number in range(3):
            queue.put(number)
        assert queue.get(timeout=1) == 0 and queue.get_nowait() == 1 and queue.get() == 2
        with pytest.raises(Empty):
            queue.get_nowait()
        queue._queue.put("whose byte was lost")
        assert queue.get(timeout=0.01) == "whose byte was lost"
