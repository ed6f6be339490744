"""The difference of one layer, gathered image by image, against figures over all images at once."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from samples.ncnn import layer, small_network
from zoo.measure.layer_difference import LayerComparison, compared_layers, layer_difference
from zoo.measure.metrics import MAX_DB, cosine, max_abs_error, sqnr_db
from zoo.ncnn.graph import Graph


@pytest.fixture
def outputs():
    generator = np.random.default_rng(0)
    expected = generator.standard_normal((3, 4, 5, 5)).astype(np.float32)
    return expected, expected + 0.1 * generator.standard_normal(expected.shape).astype(np.float32)


def test_several_images_count_as_all_of_their_numbers(outputs):
    expected, got = outputs
    comparison = LayerComparison("conv", "Convolution", "1")
    for image, other in zip(expected, got, strict=True):
        comparison.add(image, other)
    found = comparison.result()
    assert (found.layer, found.type, found.blob) == ("conv", "Convolution", "1")
    assert found.cosine == min(map(cosine, expected, got)), "of the worst image"
    assert found.sqnr_db == pytest.approx(sqnr_db(expected, got))
    assert found.max_abs == pytest.approx(max_abs_error(expected, got))
    assert found.peak == np.abs(expected).max(), "of what is right"


def test_one_image_is_the_same_as_a_comparison_of_it(outputs):
    expected, got = outputs
    comparison = LayerComparison("a", "b", "c")
    comparison.add(expected[0], got[0])
    assert layer_difference("a", "b", "c", expected[0], got[0]) == comparison.result()
    exact = layer_difference("a", "b", "c", got, got)
    assert (exact.sqnr_db, exact.max_abs, exact.cosine) == (MAX_DB, 0.0, pytest.approx(1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_as_far_as_can_be_and_can_be_written(outputs, value):
    expected, got = outputs
    broken = got.copy()
    broken.flat[7] = value
    found = layer_difference("a", "b", "c", expected, broken)
    assert (found.cosine, found.sqnr_db, found.max_abs) == (0.0, -MAX_DB, None)
    json.dumps(asdict(found), allow_nan=False)
    json.dumps(asdict(layer_difference("a", "b", "c", broken, got)), allow_nan=False)


def test_layers_that_compute_nothing_of_the_model_are_not_compared():
    graph = small_network()
    assert list(compared_layers(graph)) == ["1", "4", "5", "6", "out0"]
    extra = Graph((*graph.layers, layer("Quantize", "q", "out0", "out0_q")))
    assert compared_layers(extra) == compared_layers(graph)
