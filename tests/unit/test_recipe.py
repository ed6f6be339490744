"""The int8 recipe: its scales in closed form, and what it does to a network."""

import logging

import numpy as np
import pytest
from artifact_samples import pair
from ncnn_samples import layer, normal, run, small_network
from statistics_samples import statistics_of

from zoo.collection import collect
from zoo.errors import ZooError
from zoo.int8 import quantize, weight_rows
from zoo.metrics import sqnr_db
from zoo.ncnn_graph import Graph
from zoo.recipe import make_table
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.table import check_table


def statistics(**absmax):
    """Of one pixel with these values."""
    return statistics_of({name: np.float32([values]) for name, values in absmax.items()})


SMALL = {"conv": [1, 2.54, 0.5], "dw": [1, 1, 1, 1], "fc": [0, 0, 0.3, 12.7]}


def test_scales_are_127_over_the_largest_value():
    graph = small_network()
    table = make_table(graph, statistics(**SMALL))
    assert table.activations == {"conv": pytest.approx(50), "fc": pytest.approx(10)}
    for name in ("conv", "fc"):
        largest = np.abs(weight_rows(graph[name])).max(axis=1)
        np.testing.assert_allclose(table.weights[name], 127 / largest, rtol=1e-6)
    assert check_table(table, graph) == []


def test_depthwise_layers_stay_float():
    table = make_table(small_network(), statistics(**SMALL))
    assert list(table.weights) == list(table.activations) == ["conv", "fc"]


@pytest.mark.parametrize("tiny", [0, 1e-40])
def test_a_dead_input_gets_the_scale_1(tiny, caplog):
    graph = small_network()
    with caplog.at_level(logging.WARNING):
        table = make_table(graph, statistics(**SMALL | {"fc": [tiny] * 4}))
    assert table.activations["fc"] == 1.0 and check_table(table, graph) == []
    assert ("layer fc (InnerProduct): its input is zero on all calibration images" in caplog.text) == (
        tiny == 0
    )


def test_a_layer_whose_weights_are_another_layers_output_is_left_out():
    dynamic = layer("Convolution", "dynamic", "in0 w", "out0", {0: 2, 1: 1, 6: 6, 19: 1})
    graph = Graph((layer("Input", "in0", "", "in0", {}), layer("Input", "w", "", "w", {}), dynamic))
    assert not make_table(graph, statistics(dynamic=[1, 1, 1])).weights


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"extra": [1]}, "it has no layer extra"),
        ({"fc": None}, r"they lack layer fc \(InnerProduct\)"),
        ({"conv": [1] * 4}, r"they have 4 input channels for layer conv \(Convolution\), which has 27"),
    ],
)
def test_statistics_of_another_model_are_refused(changes, reason):
    wrong = {name: values for name, values in (SMALL | changes).items() if values}
    with pytest.raises(ZooError, match=f"the calibration statistics are of another model: {reason}"):
        make_table(small_network(), statistics(**wrong))


def deep_network():
    """3 x 16 x 16 -> four 3x3 convolutions of 16 channels with ReLU -> pool -> inner product of 10."""
    draw, layers, blob, channels = normal(3), [layer("Input", "in0", "", "in0", {})], "in0", 3
    for index in range(4):
        params = {0: 16, 1: 3, 4: 1, 5: 1, 6: 16 * channels * 9, 9: 1}
        layers.append(layer("Convolution", f"conv{index}", blob, f"{index}", params, lambda n: draw(n) * 0.1))
        blob, channels = f"{index}", 16
    layers.append(layer("Pooling", "pool", blob, "pool", {0: 1, 4: 1}))
    layers.append(layer("InnerProduct", "fc", "pool", "out0", {0: 10, 1: 1, 2: 160}, draw))
    return Graph(tuple(layers))


def test_a_quantized_network_stays_close_on_images_it_was_not_calibrated_on(tmp_path):
    graph, draw = deep_network(), normal(9)
    images = [draw(768).reshape(3, 16, 16) for _ in range(16)]
    runner = NcnnRunner(*pair(graph, tmp_path), device="cpu", threads=1, half=False)
    found = collect(graph, runner, ((str(index), image) for index, image in enumerate(images[:8])))
    quantized = quantize(graph, make_table(graph, found))
    exact, close = (
        np.stack([run(each, image, tmp_path) for image in images[8:]]) for each in (graph, quantized)
    )
    assert 25 < sqnr_db(exact, close) < 60
