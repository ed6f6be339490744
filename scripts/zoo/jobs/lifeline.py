"""Processes that end with the build they work for, or with the process that started them."""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread, current_thread, main_thread

from zoo.jobs.host import Host

_BUILD = "NCNN_ZOO_BUILD"
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def of_this_process() -> None:
    """Let the jobs that this process starts, directly or not, end with it, see `end_with_build`."""
    os.environ[_BUILD] = f"{os.getpid()}@{Host.own()}"


def end_with_build() -> None:
    """End this process when that of the build ends, however it ends, if there is one. The library does it as
    soon as it is imported.

    Else a job whose build was killed would go on beside the next build. A build on another machine, or in
    another container, whose number means another process here or none, is left to the scheduler that sent the
    job (see `zoo.jobs.run.slurm`).
    """
    build, _, host = os.environ.get(_BUILD, "").partition("@")
    if build.isdecimal() and hasattr(os, "pidfd_open") and host == str(Host.own()):
        Thread(target=_watch, args=(int(build),), name="lifeline", daemon=True).start()
    if build:
        _end_when_interrupted()


def _end_when_interrupted() -> None:
    """Ctrl-C reaches every process of a build: each is to end without a traceback. Whoever has something to
    clear away takes the signal as an exception while it does, see `zoo.jobs.reporting`."""
    with suppress(ValueError):  # not in the main thread, which then has said what it does
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """KeyboardInterrupt on Ctrl-C while the block runs, where it would end the process; which then ends after
    the block, without a word and with status 130, by the shells' convention."""
    before = signal.getsignal(signal.SIGINT)
    ends = before is signal.SIG_DFL and current_thread() is main_thread()
    if ends:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        if ends:
            raise SystemExit(130) from None
        raise
    finally:
        if ends:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _watch(build: int) -> None:
    try:
        handle = os.pidfd_open(build)
    except ProcessLookupError:
        os._exit(1)
    except OSError:  # a kernel without
        return
    select.select([handle], [], [])
    os._exit(1)


def end_with_parent(*_: object) -> None:
    """Have the kernel kill this process when its parent, or the parent's thread that started it, ends.

    For a process that just started: `preexec_fn` of `subprocess`, or `worker_init_fn` of a DataLoader. Only
    on Linux.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
