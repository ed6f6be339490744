"""Which times can be believed."""

from dataclasses import replace

import pytest

from samples.report import benchmark
from zoo.config.records.steadiness import doubt, doubts
from zoo.ncnn.options import Options


def timed(artifact="int8", **changes):
    return replace(benchmark("net", artifact=artifact, ratio=1.0).latency[0], **changes)


def test_figures_that_agree_are_believed():
    assert doubt(timed()) is None
    assert doubt(timed(ratio=1.15)) is None, "medians of runs differ by about as much"


@pytest.mark.parametrize("changes", [{"ratio": 0.25}, {"ratio": 4.0}, {"ratio_error": 0.2}, {"ratio": 0.0}])
def test_figures_that_contradict_each_other_are_not(changes):
    assert doubt(timed(**changes))


def test_a_file_beside_itself_takes_its_own_time():
    half = benchmark("net", artifact="fp32", ratio=0.5)
    assert set(doubts(half)) == {1, 2}
    assert doubts(replace(half, options=Options({"use_packing_layout": False}))) == {}, "runs another way"
    assert doubts(benchmark("net", artifact="fp16", ratio=0.5)) == {}


def test_a_software_gpu_is_not_asked():
    assert doubts(benchmark("net", "gpu", "fp32", ratio=0.5)) == {}
