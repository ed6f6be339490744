"""What happens in a child process comes back, and a crash of it is an error."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import isolated

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


def double(values, plus=0):
    return os.getpid(), 2 * values + plus


def fail(error):
    raise error


def segfault():
    ctypes.string_at(0)


def end(how):
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(int(how))


def test_the_result_comes_from_another_process():
    process, values = isolated("small", double, np.arange(3), plus=1)
    assert process != os.getpid()
    np.testing.assert_array_equal(values, [1, 3, 5])


@pytest.mark.parametrize("error", [ZooError("no device"), ArtifactError("no layer"), KeyError("x")])
def test_an_exception_passes_with_its_type_and_text(error):
    with pytest.raises(type(error)) as caught:
        isolated("small", fail, error)
    assert type(caught.value) is type(error) and caught.value.args == error.args


@pytest.mark.parametrize(
    ("function", "arguments"),
    [(segfault, ()), (end, ("killed",)), (end, ("0",))],
    ids=["segfault", "kill", "exit"],
)
def test_the_death_of_the_child_is_an_error_that_names_the_subject(function, arguments):
    with pytest.raises(ArtifactError, match=r"^cpu/small/int8: the runtime crashed or was killed"):
        isolated("cpu/small/int8", function, *arguments)


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
