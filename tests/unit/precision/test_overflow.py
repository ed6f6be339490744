import numpy as np

from samples.artifacts import FEED, pair, photos
from samples.ncnn import run, small_network
from zoo.images.decode import load
from zoo.ncnn.graph import Graph
from zoo.precision.overflow import overflowing, peaks


def test_the_peak_of_a_layer_is_that_of_its_output_over_all_images(tmp_path):
    graph, images = small_network(), photos(tmp_path, 3)
    found = peaks(pair(graph, tmp_path), images, FEED, 1)
    assert list(found) == ["conv", "dw", "add", "pool", "fc"]
    answers = [run(Graph(graph.layers), image, tmp_path) for _, (image,) in load(images, FEED, 1)]
    np.testing.assert_allclose(found["fc"], np.abs(answers).max(), rtol=1e-5)


def test_half_of_what_float16_holds_is_room_for_other_images():
    assert overflowing({"a": 32000.0, "b": 33000.0, "c": 1e6, "d": float("inf")}).keys() == {"b", "c", "d"}
