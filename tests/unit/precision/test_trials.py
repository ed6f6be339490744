"""Trials of masks, on this machine's CPU, which has no float16 arithmetic: masks change nothing there."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos
from samples.ncnn import small_network
from zoo.ncnn.fp16 import to_fp16
from zoo.precision.effects import Effect
from zoo.precision.noise import decibels, noise
from zoo.precision.trials import FIRST, Masks, Trials, device_outputs, gathered


@pytest.fixture
def trials(tmp_path):
    files = pair(to_fp16(small_network()), tmp_path, "fp16")
    file = artifact(*files, name="fp16", precision="fp16")
    return Trials(file, pair(small_network(), tmp_path), photos(tmp_path, 3), FEED, 1)


def test_the_noise_of_the_file_is_that_of_its_weights(trials):
    graph = to_fp16(small_network())
    plain = trials.noise(graph, Masks())
    assert 50 < decibels(plain) < 100
    np.testing.assert_array_equal(trials.noise(graph, Masks(("conv",), ("fc",))), plain)


def test_every_probe_is_looked_at_or_the_first(trials):
    assert len(trials.effects(Masks(), FIRST)) == 1
    found = trials.effects(Masks(("conv",)))
    assert [len(each.outputs) for each in found] == [1, 1, 1]
    twice = replace(trials, probes=[trials.probes[0]] * 2)
    assert len(twice.effects(Masks())) == 2, "crops of one image have one name"
    (outputs,) = device_outputs(found)
    assert outputs.shape == (3, 5)
    graph = to_fp16(small_network())
    np.testing.assert_array_equal(noise(trials.expected, (outputs,)), trials.noise(graph, Masks()))


def test_effects_of_probes_are_put_together_over_the_signal():
    here = (np.array([3.0, 4.0], np.float32),)
    one = Effect(here, here, {"a": (np.array([1.0, 0.0], np.float32),)}, (), frozenset())
    two = replace(one, effects={"a": one.here, "b": (np.array([0.0, 2.0], np.float32),)})
    found = gathered([one, two])
    assert found.names == ("a", "b")
    np.testing.assert_allclose(found.vectors[0] * np.sqrt(50), [[1, 0, 3, 4], [0, 0, 0, 2]])
    np.testing.assert_allclose(found.energies[:, 0], [26 / 50, 4 / 50])


def test_an_output_that_is_nothing_counts_nothing():
    nothing = (np.zeros(2, np.float32),)
    found = gathered([Effect(nothing, nothing, {"a": (np.ones(2, np.float32),)}, (), frozenset())])
    assert found.energies.tolist() == [[0.0]]


def test_it_is_said_if_it_will_take_long(trials, caplog):
    with caplog.at_level(logging.WARNING):
        trials.effects(Masks(), FIRST)
        assert not caplog.text
        replace(trials, runs=10**6).effects(Masks(), FIRST)
    assert "which layers must not compute in float16 will take about" in caplog.text
