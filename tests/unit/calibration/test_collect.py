"""Calibration images are shared out among child processes."""

import os
import signal

import pytest

from samples.artifacts import FEED, pair, photos
from samples.ncnn import small_network
from zoo.calibration import collect as module
from zoo.calibration.collect import collect_parallel, fitting_processes
from zoo.jobs.isolation import ChildDied
from zoo.ncnn.pair import Pair


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_child_that_dies_is_named_with_its_images(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_observe_in_child", die)
    fp32 = Pair(small_network(), *pair(small_network(), tmp_path))
    with pytest.raises(ChildDied, match=r"fp32\.param, calibration images 1 to 4: the runtime was killed"):
        collect_parallel(fp32, photos(tmp_path, 6), FEED, processes=2)


def test_as_many_processes_as_the_memory_of_the_job_holds(tmp_path):
    param, weights = pair(small_network(), tmp_path)
    fp32 = Pair(small_network(), param, weights)
    assert [fitting_processes(fp32, 8, memory) for memory in (100, 900, 1100, 1e6)] == [1, 2, 3, 8]
    with weights.open("r+b") as handle:
        handle.truncate(100 << 20)
    assert fitting_processes(fp32, 8, memory_mb=400 + 160 + 2 * (200 + 150)) == 1, "the .param counts too"
    assert fitting_processes(fp32, 8, memory_mb=401 + 160 + 2 * (200 + 150)) == 2
