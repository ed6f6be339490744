"""Which workers are alive."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection

import psutil

from zoo.serving.roll import Roll


def work(roll: Roll, worker: int, ready: Connection) -> None:
    roll.enter(worker)
    ready.send(None)
    ready.recv()


def test_a_worker_counts_from_when_it_is_ready_until_it_is_dead_or_stopped():
    context = multiprocessing.get_context("spawn")
    roll = Roll(3)
    assert (roll.alive(os.getpid()), len(roll)) == (0, 3)
    here, there = context.Pipe()
    process = context.Process(target=work, args=(roll, 1, there))
    process.start()
    here.recv()
    assert roll.alive(os.getpid()) == 1
    assert roll.alive(os.getppid()) == 0, "somebody else's child has its number"
    process_of = psutil.Process(process.pid)
    process_of.suspend()
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert roll.alive(os.getpid()) == 0
    process_of.resume()
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert roll.alive(os.getpid()) == 0, "nobody has waited for it yet"
    process.join()
    assert roll.alive(os.getpid()) == 0
