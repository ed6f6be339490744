"""What happens in a child process comes back, a crash of it is an error, and nobody waits for a dead one."""

import ctypes
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import (
    Child,
    ChildCrashed,
    ChildDied,
    answering,
    attempted,
    isolated,
    isolated_each,
)

LARGE = bytes(20 << 20)
"""More than any pipe or socket holds."""


@pytest.fixture(autouse=True)
def bounded():
    """A test that waits for ever fails instead."""

    def late(*_):
        raise TimeoutError("nobody answers")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


SCRIPT = """
import os, sys, time
from zoo.jobs.isolation import isolated

def work(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)
    return "done"

if __name__ == "__main__":
    snakemake = None  # a script has this name only where it is not imported
    print(isolated("x", work, float(sys.argv[1])))
"""
FORGETFUL = """
import time
from zoo.jobs.isolation import Child, isolated_each

def slow(_):
    time.sleep(300)

if __name__ == "__main__":
    idle = Child.of(dict)
    idle.call("x", len)
    busy = Child.of(dict)
    busy.send("x", slow)
"""


def double(values, plus=0):
    return os.getpid(), 2 * values + plus


def fail(error):
    raise error


def segfault():
    ctypes.string_at(0)


def raise_signal(number):
    os.close(2)  # no trace of an abort among the tests'
    signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
    os.kill(os.getpid(), number)
    time.sleep(10)


def raise_signal_with_state(_, number):
    if number:
        raise_signal(number)


def nested_crash():
    raise ChildCrashed("inner", signal.SIGSEGV)


def opened(value):
    return value


def count(state):
    state["calls"] = state.get("calls", 0) + 1
    return state["calls"]


def tell(state, number):
    return number, state, os.getpid()


def same(_, value):
    return value


def sleep(_):
    time.sleep(0.01)


def sleep_or_fail(_, what):
    if isinstance(what, Exception):
        raise what
    time.sleep(what)
    return what


def unpicklable(_, what):
    return threading.Lock() if what == "lock" else lambda: None


class Deadly:
    """Ends the process that unpickles it."""

    def __init__(self):
        self.load = LARGE

    def __reduce__(self):
        return os._exit, (3,), None


def test_the_result_comes_from_another_process():
    process, values = isolated("small", double, np.arange(3), plus=1)
    assert process != os.getpid()
    np.testing.assert_array_equal(values, [1, 3, 5])


@pytest.mark.parametrize("error", [ZooError("no device"), ArtifactError("no layer"), KeyError("x")])
def test_an_exception_passes_with_its_type_and_text(error):
    with pytest.raises(type(error)) as caught:
        isolated("small", fail, error)
    assert type(caught.value) is type(error) and caught.value.args == error.args


def ending(what: str, function, *arguments) -> ChildDied:
    with pytest.raises(ChildDied) as caught:
        isolated(what, function, *arguments)
    assert caught.value.crashed == isinstance(caught.value, ArtifactError), "only a crash is the artifact's"
    return caught.value


def test_a_crash_is_an_error_that_names_the_subject_and_the_signal():
    died = ending("cpu/small/int8", segfault)
    said = "the runtime crashed (SIGSEGV) while running it: it used memory that is not its own"
    assert str(died) == f"cpu/small/int8: {said}"
    assert died.signal == signal.SIGSEGV and died.crashed


@pytest.mark.parametrize("name", ["SIGBUS", "SIGABRT", "SIGFPE", "SIGILL"])
def test_every_signal_of_a_crash_is_the_fault_of_what_ran(name):
    died = ending("x", raise_signal, signal.Signals[name])
    assert died.crashed and str(died).startswith(f"x: the runtime crashed ({name}) while running it: ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "SIGKILL",
            "was killed (SIGKILL: by a limit of this machine's or by hand, not for want of memory) while "
            "running it; run again",
        ),
        (
            "SIGXCPU",
            "was killed (SIGXCPU: its limit of processor time) while running it; raise it and run again",
        ),
        ("SIGTERM", "was killed (SIGTERM) while running it; run again"),
    ],
)
def test_a_signal_from_outside_is_nobodys_fault(name, said, monkeypatch):
    monkeypatch.setattr("zoo.jobs.isolation._kills_for_memory", lambda: 3)
    monkeypatch.setattr("zoo.jobs.isolation._KILLS_BEFORE", 3)
    died = ending("x", raise_signal, signal.Signals[name])
    assert died.signal == signal.Signals[name] and not died.crashed
    assert str(died) == f"x: the runtime {said}"


@pytest.mark.parametrize(
    ("before", "since", "why"),
    [(3, 4, "SIGKILL: the system ran out of memory"), (None, None, "SIGKILL: out of memory?")],
)
def test_memory_is_the_reason_where_the_system_says_so(before, since, why, monkeypatch):
    monkeypatch.setattr("zoo.jobs.isolation._kills_for_memory", lambda: since)
    monkeypatch.setattr("zoo.jobs.isolation._KILLS_BEFORE", before)
    died = ChildDied.of("x", -signal.SIGKILL)
    assert not died.crashed
    assert str(died) == f"x: the runtime was killed ({why}) while running it; free some and run again"


def test_a_program_that_gives_up_says_why():
    said = "read 3 layers\nterminate called after throwing an instance of 'std::bad_alloc'\n  what():  bad\n"
    died = ChildDied.of("m.pt", -signal.SIGABRT, "pnnx", said)
    assert not died.crashed and "pnnx was refused memory while running it" in str(died)
    died = ChildDied.of("m.pt", -signal.SIGABRT, "pnnx", "read 3 layers\nAssertion failed\n")
    assert died.crashed and str(died).endswith("it gave up by itself (Assertion failed)")


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_of_the_process_is_an_error_too(status):
    died = ending("x", os._exit, status)
    assert died.signal is None and died.crashed
    assert str(died) == f"x: the runtime ended the process (exit status {status}) while running it"


def test_how_a_child_died_survives_the_way_to_another_process():
    for died in (ChildCrashed("text", signal.SIGABRT), ChildDied("text", signal.SIGKILL)):
        again = pickle.loads(pickle.dumps(died))
        assert (type(again), str(again), again.signal) == (type(died), "text", died.signal)
    died = ending("outer", nested_crash)
    assert (str(died), died.signal) == ("inner", signal.SIGSEGV)


@pytest.mark.parametrize(
    ("deaths", "end"),
    [
        ("", "done"),
        ("K", "done"),
        ("C", "done"),
        ("KC", "done"),
        ("KK", "K"),
        ("CC", "C"),
        ("CKC", "C"),
        ("KCK", "K"),
    ],
)
def test_an_attempt_is_made_anew_until_two_children_died_alike(deaths, end):
    kinds = {"K": ChildDied("K", signal.SIGKILL), "C": ChildCrashed("C", signal.SIGSEGV)}
    left = list(deaths)

    def attempt():
        if left:
            raise kinds[left.pop(0)]
        return "done"

    try:
        assert attempted(attempt) == end
    except ChildDied as died:
        assert died is kinds[end]
    assert not left


def test_other_errors_are_not_attempted_again():
    attempts = []
    with pytest.raises(ZooError, match="no device"):
        attempted(lambda: attempts.append(1) or fail(ZooError("no device")))
    assert attempts == [1]


def test_an_exception_has_its_traceback_as_a_note():
    with pytest.raises(KeyError) as caught:
        isolated("small", fail, KeyError("x"))
    assert "in fail" in caught.value.__notes__[0]


@pytest.mark.parametrize("result", ["lambda", "lock"])
def test_a_result_that_cannot_be_pickled_is_an_error_and_the_child_lives(result):
    with Child.of(dict) as child:
        with pytest.raises(TypeError, match="a result cannot leave the child process"):
            child.call("x", unpicklable, result)
        assert child.call("x", count) == 1


# The state of a child


def test_the_state_is_kept_and_handed_to_each_call():
    with Child.of(dict, {"calls": 5}) as child:
        assert [child.call("x", count) for _ in range(3)] == [6, 7, 8]


def test_an_error_of_the_start_is_that_of_every_call():
    with Child.of(fail, ZooError("no device")) as child:
        for _ in range(2):
            with pytest.raises(ZooError, match="no device"):
                child.call("x", count)


def test_several_calls_share_children_that_start_once_and_results_are_in_order():
    calls = {f"call {number}": (number,) for number in range(9)}
    found = list(isolated_each(calls, tell, 2, opened, "state"))
    assert [number for number, _, _ in found] == list(range(9))
    assert {state for _, state, _ in found} == {"state"}
    assert 1 <= len({process for *_, process in found} - {os.getpid()}) <= 2


def test_no_calls_have_no_results():
    assert list(isolated_each({}, tell, 2, opened, "state")) == []


def test_the_first_error_in_the_order_of_the_calls_ends_all_at_once():
    calls = {"quick": (0,), "bad": (ZooError("this one"),), "slow": (300,), "other": (300,)}
    results = isolated_each(calls, sleep_or_fail, 3, opened, None)
    assert next(results) == 0
    with pytest.raises(ZooError, match="this one"):
        next(results)


def test_results_that_nobody_takes_are_not_waited_for():
    results = isolated_each({"quick": (0,), "slow": (300,)}, sleep_or_fail, 2, opened, None)
    assert next(results) == 0
    results.close()


# Nobody waits for the dead


@pytest.mark.parametrize("seconds", [0, 0.05, 0.2, 0.4])
def test_a_child_may_die_while_it_is_sent_what_it_shares(seconds):
    with Child.of(len, LARGE) as child:
        killer = threading.Timer(seconds, child.kill)
        killer.start()
        with pytest.raises(ChildDied, match=r"^x: the runtime was killed") as caught:
            while True:
                child.call("x", sleep)
        assert caught.value.signal == signal.SIGKILL
        killer.join()


def test_a_child_may_die_while_it_reads_what_it_shares():
    with pytest.raises(ChildDied, match=r"first: .*exit status 3"):
        list(isolated_each({"first": (LARGE,), "second": (LARGE,)}, tell, 2, len, Deadly()))


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_child_may_die_while_it_sends_a_result(seconds):
    with Child.of(opened, None) as child:
        child.call("x", tell, 0)
        child.send("x", same, LARGE)
        time.sleep(seconds)  # by now it has filled the socket, for nobody reads it
        child.kill()
        with pytest.raises(ChildDied) as caught:
            child.receive()
        assert caught.value.signal == signal.SIGKILL


def test_the_call_whose_child_died_is_named():
    calls = {"one": (0,), "two": (signal.SIGSEGV,), "three": (0,)}
    with pytest.raises(ChildDied, match=r"^two: the runtime crashed \(SIGSEGV\)"):
        list(isolated_each(calls, raise_signal_with_state, 2, opened, None))


def endless(items: list[int], seconds: float) -> None:
    for item in answering(items, seconds):
        while item:
            pass


def test_who_does_not_answer_in_time_is_ended_by_his_own_fault():
    with pytest.raises(
        ChildCrashed, match=r"the model m: the runtime took .* s of a processor and did not answer; does"
    ):
        isolated("the model m", endless, [0, 0, 1], 0.2)
    assert isolated("the model m", endless, [0, 0, 0], 0.2) is None
    with Child.of(dict) as child:  # the time of the last one is over when there is no other
        child.call("x", answered, [0, 0])
        assert child.call("x", worked, 0.4) is None


def answered(_: dict, items: list[int]) -> None:
    endless(items, 0.2)


def worked(_: dict, seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_dead_child_stays_dead():
    with Child.of(opened, None) as child:
        for _ in range(2):
            with pytest.raises(ChildDied, match="SIGSEGV"):
                child.call("x", raise_signal_with_state, signal.SIGSEGV)


def test_a_job_that_ends_without_closing_a_child_ends(tmp_path):
    (tmp_path / "script.py").write_text(FORGETFUL)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "script.py")]
    subprocess.run(command, env=environment, check=True, timeout=30)


def start(folder: Path, seconds: float) -> subprocess.Popen:
    (folder / "script.py").write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(folder / "script.py"), str(seconds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_guarded_script_is_not_run_again_in_the_child(tmp_path):
    with start(tmp_path, 0) as process:
        printed = process.communicate(timeout=60)[0].split()
    assert process.returncode == 0
    assert printed[0].isdecimal() and printed[1:] == ["done"]


def test_the_child_ends_with_a_killed_parent(tmp_path):
    with start(tmp_path, 300) as process:
        child = int(process.stdout.readline())
        process.kill()
        try:
            process.communicate(timeout=60)  # until the last process that holds the pipe is gone
        except subprocess.TimeoutExpired:
            os.kill(child, signal.SIGKILL)
            raise
