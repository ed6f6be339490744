"""What each layer does to the outputs, on a device that is a CPU whose layers were tampered with."""

from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import pair
from samples.ncnn import normal, small_network
from zoo.ncnn.bin import array
from zoo.ncnn.graph import Graph
from zoo.precision.effects import NUMBERS, _places, effect
from zoo.runners.ncnn_runner import NcnnRunner

IMAGE = (normal(3)(3 * 8 * 8).reshape(3, 8, 8),)


@pytest.fixture
def runner(tmp_path):
    def opened(graph: Graph, name: str) -> NcnnRunner:
        return NcnnRunner(*pair(graph, tmp_path, name), device="cpu", threads=1, precision="fp32")

    return opened


def with_bias(graph: Graph, name: str, added: float) -> Graph:
    """The graph with something added to the bias of a layer."""
    layer = graph[name]
    bias = array(layer.weights["bias"].values + np.float32(added), layer.weights["bias"].storage)
    return graph.replace(replace(layer, weights={**layer.weights, "bias": bias}))


@pytest.mark.parametrize("name", ["conv", "dw", "fc"])
def test_the_effect_of_a_layer_is_what_its_error_alone_does(runner, name):
    graph = small_network()
    here, there = runner(graph, "here"), runner(with_bias(graph, name, 0.5), "there")
    found = effect(graph, here, there, IMAGE)
    strongest = max(found.effects, key=lambda each: float(np.square(found.effects[each][0]).sum()))
    assert strongest == name
    (changed,), (plain,) = there.run(IMAGE), here.run(IMAGE)
    np.testing.assert_allclose(found.effects[name][0], changed - plain, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(found.outputs[0], changed)
    assert not found.broken


def test_the_effects_of_two_layers_are_told_apart_though_one_feeds_the_other(runner):
    graph = small_network()
    one, two = with_bias(graph, "conv", 0.5), with_bias(graph, "dw", -2.0)
    both = with_bias(one, "dw", -2.0)
    here = runner(graph, "here")
    found = effect(graph, here, runner(both, "both"), IMAGE).effects
    for name, tampered in {"conv": one, "dw": two}.items():
        (alone,) = effect(graph, here, runner(tampered, name), IMAGE).effects[name]
        np.testing.assert_allclose(found[name][0], alone, rtol=0.02, atol=0.02)


def test_a_layer_that_gives_no_numbers_is_named_and_not_those_behind_it(runner):
    graph = small_network()
    here = runner(graph, "here")
    there = Spoilt(
        runner(graph, "there"), {"1": np.inf, "4": np.inf, "5": np.nan, "6": np.nan, "out0": np.nan}
    )
    found = effect(graph, here, there, IMAGE)
    assert found.broken == (("conv", False),), "its output would fit into float16"


def test_what_would_not_fit_into_float16_is_wide(runner):
    graph = with_bias(small_network(), "dw", 1e6)
    there = Spoilt(runner(graph, "there"), {"4": np.inf, "5": np.inf, "6": np.inf, "out0": np.inf})
    assert effect(graph, runner(graph, "here"), there, IMAGE).broken == (("dw", True),)


def test_a_device_that_stores_float16_is_told_from_one_that_does_not(runner):
    graph = small_network()
    here = runner(graph, "here")
    assert not effect(graph, here, runner(graph, "there"), IMAGE).float16
    found = effect(graph, here, Rounding(runner(graph, "there")), IMAGE)
    assert found.float16 == {"conv", "dw", "add", "pool", "fc"}
    assert not found.effects or max(np.abs(each[0]).max() for each in found.effects.values()) < 0.02


def test_of_a_large_output_some_numbers_are_looked_at_always_the_same():
    assert _places(NUMBERS) == slice(None)
    places = _places(NUMBERS + 1)
    assert len(set(places)) == NUMBERS and np.array_equal(places, _places(NUMBERS + 1))


class Spoilt:
    """A runner whose blobs hold something else."""

    def __init__(self, runner: NcnnRunner, values: dict[str, float]) -> None:
        self.runner, self.values, self.info = runner, values, runner.info

    def blobs(self, inputs, names):
        for name, values in self.runner.blobs(inputs, names):
            yield name, np.full_like(values, self.values[name]) if name in self.values else values


class Rounding(Spoilt):
    """A runner whose blobs went through float16."""

    def __init__(self, runner: NcnnRunner) -> None:
        super().__init__(runner, {})

    def blobs(self, inputs, names):
        for name, values in self.runner.blobs(inputs, names):
            yield name, values.astype(np.float16).astype(np.float32)
