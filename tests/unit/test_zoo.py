"""The library as soon as it is imported: a process of a build ends with it."""

import os
import subprocess
import sys

import pytest

from zoo.jobs.host import Host


def test_a_job_whose_build_is_gone_before_it_started_ends(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    build = f"{gone.pid}@{Host.own()}"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "NCNN_ZOO_BUILD": build}
    code = "import zoo, time; time.sleep(300)"
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 1


@pytest.mark.parametrize("build", [None, "", "nonsense", "4194304@another-host"])
def test_without_a_build_on_this_machine_a_process_goes_on(build):
    environment = {name: value for name, value in os.environ.items() if name != "NCNN_ZOO_BUILD"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment |= {} if build is None else {"NCNN_ZOO_BUILD": build}
    code = "import zoo, time; time.sleep(0.3)"
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0
