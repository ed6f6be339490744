"""The hardware that records name."""

import os
import subprocess
import sys

from zoo.runners.hardware import cpu_count


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    """Run code in a fresh process: the device is looked for once in each."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )


def test_there_is_at_least_one_core():
    assert 1 <= cpu_count() <= os.cpu_count()


def test_a_job_counts_the_cores_it_was_given():
    code = "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
    assert (
        python(code + "from zoo.runners.hardware import cpu_count; print(cpu_count())").stdout.strip() == "1"
    )
