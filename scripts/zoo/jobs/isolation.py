"""Child processes: a native crash is an error and not the end of the job, and no job waits for the dead.

ncnn ends the process with a segmentation fault on inputs that it does not check.

A child and its parent talk through a pair of sockets of their own, and each closes the other's end: when a
child dies, whatever it was doing, its end closes, and the parent's next byte to or from it fails instead of
waiting. So nothing large may travel in the arguments of a process, which multiprocessing writes to a pipe
whose reading end the parent holds too: it would wait for ever for a child that died while it started.
"""

import logging
import os
import pickle
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from signal import ITIMER_PROF, Signals, setitimer
from threading import Thread
from typing import Any, NamedTuple, ParamSpec, Self, TypeVar

from zoo.errors import ArtifactError, PassingError
from zoo.jobs.in_order import in_order

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_SPAWN = get_context("spawn")

CRASHES = frozenset(
    {Signals.SIGSEGV, Signals.SIGBUS, Signals.SIGABRT, Signals.SIGFPE, Signals.SIGILL, Signals.SIGSYS}
)
"""Signals by which a process ends through its own fault; others come from outside."""

_MEANING = {
    Signals.SIGSEGV: "it used memory that is not its own",
    Signals.SIGBUS: "a file that it reads was cut short, or the disk is full",
    Signals.SIGABRT: "it gave up by itself",
    Signals.SIGFPE: "it divided by zero",
    Signals.SIGILL: "this CPU lacks an instruction that it uses",
    Signals.SIGSYS: "the system forbids a call that it makes",
}
_LIMITS = {Signals.SIGXCPU: "of processor time", Signals.SIGXFSZ: "of the size of files"}


def _kills_for_memory() -> int | None:
    """How many processes the system ended for want of memory since it started; None where it does not say."""
    try:
        counts = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None


_KILLS_BEFORE = _kills_for_memory()

ATTEMPTS = 2
"""Deaths of one kind before `attempted` gives up."""

ANSWER_S = 1800.0
"""How much time of processors a model may take to answer once, see `answering`; by the clock, a busy machine
or one that was asleep would be taken for a loop."""

_GRACE_S = 10.0
"""How long a child that is no longer needed may take to end by itself."""


class ChildDied(PassingError):
    """A child process ended before it answered: a `ChildCrashed` by its own fault, any other from outside,
    which tells nothing about what ran in it. signal: what ended it; None if it exited with a status."""

    def __init__(self, text: str, signal: Signals | None = None) -> None:
        super().__init__(text)
        self.signal = signal

    @staticmethod
    def of(what: str, exitcode: int | None, program: str = "the runtime", said: str = "") -> "ChildDied":
        """what: that `program` was doing. exitcode: as Python has it, a signal as its negative number. said:
        what it printed, whose last line is its reason if it gave up by itself."""
        if exitcode is None or exitcode >= 0:
            end = f"ended the process (exit status {exitcode})"
            return ChildCrashed(f"{what}: {program} {end} while running it")
        signal = Signals(-exitcode)
        if signal == Signals.SIGPROF:
            took = f"{program} took {ANSWER_S:g} s of a processor and did not answer"
            return ChildCrashed(f"{what}: {took}; does the model loop without end?", signal)
        if signal == Signals.SIGABRT and "bad_alloc" in said:
            return ChildDied(
                f"{what}: {program} was refused memory while running it; free some, or raise its limit, and "
                "run again",
                signal,
            )
        if signal in CRASHES:
            last = said.strip().splitlines()[-1:] if signal == Signals.SIGABRT else []
            why = " ".join([_MEANING[signal], *(f"({line[:120]})" for line in last)])
            return ChildCrashed(f"{what}: {program} crashed ({signal.name}) while running it: {why}", signal)
        why, remedy = _killed(signal)
        return ChildDied(f"{what}: {program} was killed ({why}) while running it; {remedy}", signal)

    @property
    def crashed(self) -> bool:
        """Whether it was the fault of what ran in it, not of somebody outside."""
        return isinstance(self, ChildCrashed)


def _killed(signal: Signals) -> tuple[str, str]:
    """What a signal from outside means, and what to do."""
    if limit := _LIMITS.get(signal):
        return f"{signal.name}: its limit {limit}", "raise it and run again"
    if signal != Signals.SIGKILL:
        return signal.name, "run again"
    kills = _kills_for_memory()
    if kills is None or _KILLS_BEFORE is None:
        return "SIGKILL: out of memory?", "free some and run again"
    if kills > _KILLS_BEFORE:
        return "SIGKILL: the system ran out of memory", "free some and run again"
    return "SIGKILL: by a limit of this machine's or by hand, not for want of memory", "run again"


class ChildCrashed(ChildDied, ArtifactError):
    """A child process that ended through its own fault."""


def attempted(attempt: Callable[[], R]) -> R:
    """The result of `attempt`, which is made anew when a child process of it dies, until two died alike.

    Raises ChildCrashed after two crashes: they are the fault of what ran. Raises ChildDied after two ends
    from outside: nothing is known then, and no verdict may say otherwise.
    """
    deaths = Counter[bool]()
    while True:
        try:
            return attempt()
        except ChildDied as died:
            deaths[died.crashed] += 1
            if deaths[died.crashed] == ATTEMPTS:
                raise
            logging.warning("%s; it is tried again", died)


class _Outcome(NamedTuple):
    value: Any = None
    error: Exception | None = None


class Child:
    """A child process that keeps what `start(*shared)` returns there, and hands it to each function it calls.

    It answers one call after the other. Functions, arguments and results must be picklable. Several start
    side by side: each gets what it shares with its first call.
    """

    def __init__(self, opening: bytes) -> None:
        self._what, self._unsent = "", [opening]
        self._connection, end = _SPAWN.Pipe()
        # A daemon: should this process end without closing it, it is ended too, and not waited for.
        self._process = _SPAWN.Process(target=_serve, args=(end,), daemon=True)
        self._process.start()
        end.close()

    @classmethod
    def of(cls, start: Callable[..., Any], *shared: Any) -> Self:
        return cls(_message(start, *shared))

    def send(self, what: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        """Ask for `function(state, *arguments, **keywords)`; `what` is what an error calls it."""
        self._what = what
        messages = [*self._unsent, _message(function, *arguments, **keywords)]
        self._unsent.clear()
        with suppress(OSError):  # it is dead, as `receive` will say
            for message in messages:
                self._connection.send_bytes(message)

    def receive(self) -> Any:
        """The result of what was asked for. An exception is raised here as it was there, with its traceback
        as a note, and so is one of `start`. Raises ChildDied if there will be none."""
        try:
            message = self._connection.recv_bytes()
        except (EOFError, OSError):
            self._end()
            raise ChildDied.of(self._what, self._process.exitcode) from None
        value, error = pickle.loads(message)
        if error is not None:
            raise error
        return value

    def call(self, what: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Ask, and wait for the result."""
        self.send(what, function, *arguments, **keywords)
        return self.receive()

    def kill(self) -> None:
        """End it whatever it does; a thread that waits for its result gets ChildDied."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """It ends: by itself, or by force if the block raised, for it may be busy."""
        if kind is not None:
            self.kill()
        self._connection.close()
        self._end()

    def _end(self) -> None:
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self.kill()
            self._process.join()


def isolated(what: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Result of `function(*args, **kwargs)`, called in a fresh child process.

    Function, arguments and result must be picklable. Exceptions come back as they were raised.
    Raises ChildDied, naming `what`, when the child dies.
    """
    with Child.of(_nothing) as child:
        result: R = child.call(what, _without_state, function, args, kwargs)
        return result


def isolated_each(
    calls: Mapping[str, tuple[Any, ...]],
    function: Callable[..., R],
    processes: int,
    start: Callable[..., Any],
    *shared: Any,
) -> Iterator[R]:
    """Results of `function(state, *arguments)` for each of `calls`, in their order, from several children.

    calls: arguments by what a call is about. Each child has a state of its own, what `start(*shared)` returns
    there, and takes the next call as soon as it is done with one; a few results wait in memory at most.
    Raises the first exception in the order of the calls, and ChildDied, naming the call, when its child dies.
    """
    count = max(1, min(processes, len(calls)))
    opening, free = _message(start, *shared), SimpleQueue[Child]()

    def call(what: str) -> R:
        child = free.get()
        try:
            result: R = child.call(what, function, *calls[what])
            return result
        finally:
            free.put(child)

    with ExitStack() as stack:
        children = [stack.enter_context(Child(opening)) for _ in range(count)]
        for child in children:
            free.put(child)
        pool = ThreadPoolExecutor(count)
        try:
            yield from in_order(pool, call, calls, 2 * count)
        except BaseException:  # the results of the others are not wanted any more
            for child in children:
                child.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def answering(items: Iterable[T], seconds: float | None = None) -> Iterator[T]:
    """The items, in a child process that the system ends when one takes more than `ANSWER_S`, or so many
    seconds of processors: whatever it is busy with, as a model that loops for some inputs."""
    try:
        for item in items:
            setitimer(ITIMER_PROF, ANSWER_S if seconds is None else seconds)
            yield item
    finally:
        setitimer(ITIMER_PROF, 0)


@contextmanager
def in_time() -> Iterator[None]:
    """Have the system end this process, if it is a child, when the block takes more than `ANSWER_S` of
    processors."""
    if parent_process() is None:
        yield
        return
    setitimer(ITIMER_PROF, ANSWER_S)
    try:
        yield
    finally:
        setitimer(ITIMER_PROF, 0)


def end_with_parent() -> None:
    """Else the child of a killed job would finish its work and then wait for more, for ever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _serve(connection: Connection) -> None:
    """The child: it opens its state, and answers each call, until its parent closes the connection."""
    end_with_parent()
    with suppress(EOFError, ConnectionError):
        state = _outcome(connection.recv_bytes())
        while True:
            message = connection.recv_bytes()
            connection.send_bytes(_reply(_outcome(message, state.value) if state.error is None else state))


def _message(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> bytes:
    return pickle.dumps((function, arguments, keywords))


def _outcome(message: bytes, *state: Any) -> _Outcome:
    """What a call returned or raised; that it cannot be read here is an exception of it too."""
    try:
        function, arguments, keywords = pickle.loads(message)
        return _Outcome(function(*state, *arguments, **keywords))
    except Exception as error:
        error.add_note(f"In a child process:\n{traceback.format_exc()}")
        return _Outcome(error=error)


def _reply(outcome: _Outcome) -> bytes:
    try:
        return pickle.dumps(tuple(outcome))
    except Exception as error:  # numbers of classes, for what cannot be pickled
        return pickle.dumps((None, TypeError(f"a result cannot leave the child process: {error}")))


def _nothing() -> None:
    """The state of a child that needs none."""


def _without_state(
    _: None, function: Callable[..., R], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> R:
    return function(*arguments, **keywords)
