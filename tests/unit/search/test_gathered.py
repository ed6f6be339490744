"""All that was measured for a search, brought together."""

from dataclasses import replace

import pytest

from samples.trials import LATENCY, TRIED
from zoo.errors import ZooError
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.search.gathered import gather
from zoo.search.sensitivity import LayerSensitivity, Sensitivity


def test_what_was_measured_is_gathered_with_what_it_is_compared_with():
    layers = (
        LayerSensitivity("a", "Convolution", 0.1, 10.0, 30, 0.3, 1.0, 0.5, 0.5, multiply_adds=60),
        LayerSensitivity("b", "Convolution", 0.1, 10.0, 70, 0.7, 1.0, 0.5, 0.5, multiply_adds=40),
    )
    sensitivity = Sensitivity("m", "cpu", 1, 1.0, "a CPU", False, layers)
    half = Recipe("x", {"a": LayerPlan(), "b": LayerPlan("fp16")})
    recipes = {"x": half, "fp16": half.floating(["a"])}
    later = replace(LATENCY, reference=replace(LATENCY.reference, p10_ms=12.0))
    found = gather([TRIED, replace(TRIED, name="fp16")], [LATENCY, later], recipes, sensitivity, 400)
    assert found.images == 7
    assert [trial.name for trial in found.candidates] == ["x"]
    assert (found.candidates[0].int8_weights, found.candidates[0].int8_multiply_adds) == (0.3, 0.6)
    fp32, fp16 = found.references
    assert (fp32.name, fp32.bytes, fp32.latency_ms) == ("fp32", 400, 12.0)
    assert (fp16.name, fp16.int8_weights, fp16.speedup) == ("fp16", 0.0, 3.0)


def test_candidates_that_were_timed_on_different_processors_are_not_compared():
    recipes = {"x": Recipe("x", {}), "y": Recipe("y", {})}
    sensitivity = Sensitivity("m", "cpu", 1, 1.0, "a CPU", False, ())
    there = replace(LATENCY, reference=replace(LATENCY.reference, device="another CPU"))
    with pytest.raises(
        ZooError, match=r"x \(search/trials.json\) on a CPU; y \(search/trials.json\) on another CPU"
    ):
        gather([TRIED, replace(TRIED, name="y")], [LATENCY, there], recipes, sensitivity, 400)
