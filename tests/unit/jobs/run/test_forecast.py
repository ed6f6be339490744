"""What a zoo costs is what its models on record took, and their mean for each other one."""

import pytest

from zoo.errors import ZooError
from zoo.jobs.run.forecast import Cost, forecast

SMALL = Cost.of([(1800, 1, 1024), (1800, 4, 2048)])
LARGE = Cost.of([(7200, 8, 8192)])


def test_a_model_costs_the_cores_and_the_memory_that_its_jobs_had():
    assert (SMALL.jobs, SMALL.seconds, SMALL.core_hours) == (2, 3600, 0.5 + 2)
    assert (SMALL.gb_hours, SMALL.memory_mb) == (0.5 + 1, 2048)


def test_models_without_a_record_cost_the_mean_of_the_others():
    found = forecast({"small": SMALL, "large": LARGE, "of another zoo": LARGE}, ["small", "large", "c", "d"])
    assert (found.models, found.recorded) == (4, 2)
    assert found.total.core_hours == 2 * (2.5 + 16) and found.total.gb_hours == 2 * (1.5 + 16)
    assert found.total.memory_mb == 8192 and found.longest_hours == 2
    assert found.hours(1) == 37 and found.hours(1000) == 2
    assert found.price(core_hour=0.1, gb_hour=0.01) == pytest.approx(3.7 + 0.35)


def test_without_a_record_nothing_is_known():
    with pytest.raises(ZooError, match=r"no model of config.yaml is on record; build one or two"):
        forecast({"other": SMALL}, ["one"])
