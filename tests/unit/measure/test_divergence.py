"""The first layer that differs from fp32 is the one that was changed."""

from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import FEED, artifact, pair, photos
from samples.ncnn import layer, run, small_network
from zoo.errors import ArtifactError
from zoo.images.decode import load
from zoo.measure.divergence import divergence, layer_differences
from zoo.measure.metrics import MAX_DB, cosine, sqnr_db
from zoo.ncnn.bin import Storage, array

LAYERS = ["conv", "dw", "add", "pool", "fc"]


def disturbed(graph, name, factor):
    """The graph with the weights of one layer's first half multiplied."""
    values = graph[name].weights["weight"].values.copy()
    values[: values.size // 2] *= np.float32(factor)
    weights = {**graph[name].weights, "weight": array(values, Storage.FP32)}
    return graph.replace(replace(graph[name], weights=weights))


@pytest.fixture
def compare(tmp_path):
    fp32 = pair(small_network(), tmp_path)

    def differences(graph, samples=None):
        other = artifact(*pair(graph, tmp_path, "other"))
        return layer_differences(other, fp32, samples or photos(tmp_path), FEED, 1)

    return differences


@pytest.mark.parametrize("name", ["conv", "dw", "fc"])
def test_only_the_changed_layer_and_later_ones_differ(name, compare):
    found = compare(disturbed(small_network(), name, -3))
    assert [each.layer for each in found] == LAYERS
    before, after = found[: LAYERS.index(name)], found[LAYERS.index(name) :]
    assert all(each.sqnr_db == MAX_DB and each.cosine == pytest.approx(1, abs=1e-12) for each in before)
    assert all(each.sqnr_db < 40 and each.cosine < 0.999 for each in after)


@pytest.mark.parametrize("order", [1, -1])
def test_figures_are_those_of_the_outputs_of_all_images(order, compare, tmp_path):
    other, samples = disturbed(small_network(), "dw", 1.5), photos(tmp_path)[::order]
    last = compare(other, samples)[-1]
    images = [image for _, (image,) in load(samples, FEED, 1)]
    expected, got = (
        np.stack([run(graph, image, tmp_path) for image in images]) for graph in (small_network(), other)
    )
    assert last.cosine == pytest.approx(min(map(cosine, expected, got)))
    assert last.sqnr_db == pytest.approx(sqnr_db(expected, got))
    assert last.peak == pytest.approx(np.abs(expected).max())
    assert last.max_abs == pytest.approx(np.abs(expected - got).max())
    assert (last.type, last.blob) == ("InnerProduct", "out0")


def test_a_layer_that_only_the_artifact_has_is_passed_over(compare):
    graph = small_network().insert("in0", layer("ReLU", "extra", "", "", {0: 1.0}))  # slope 1: a copy
    found = compare(graph)
    assert [each.layer for each in found] == LAYERS
    assert all(each.sqnr_db == MAX_DB for each in found)


def test_the_report_names_the_first_layer_below_the_threshold(tmp_path):
    graph, samples = small_network(), photos(tmp_path)
    fp32, other = pair(graph, tmp_path), pair(disturbed(graph, "dw", -3), tmp_path, "other")
    report = divergence(artifact(*other), fp32, samples, FEED, 0.99, threads=1)
    assert report.first.layer == "dw" and report.first == report.layers[1]
    assert (report.reference, report.threshold, report.images) == ("fp32", 0.99, 3)
    assert [each.layer for each in report.layers] == LAYERS


def test_a_layer_of_another_shape_is_named(compare):
    graph = small_network()
    pool = replace(graph["pool"], params={0: 1, 1: 8, 2: 8})  # the same average as 4 x 1 x 1 instead of 4
    with pytest.raises(
        ArtifactError, match=r"pool \(Pooling\) gives \(4, 1, 1\), in fp32 .* make both anew: rm "
    ):
        compare(graph.replace(pool))


def shifted(graph, offset):
    """The graph whose depthwise layer gives its values less a constant, and whose sum takes it back."""
    bias = graph["dw"].weights["bias"]
    less = array(bias.values - np.float32(offset), Storage.RAW)
    return graph.replace(replace(graph["dw"], weights={**graph["dw"].weights, "bias": less}))


def test_what_was_taken_off_on_purpose_is_put_back_before_comparing(tmp_path):
    graph, samples = small_network(), photos(tmp_path)
    fp32, other = pair(graph, tmp_path), pair(shifted(graph, 50), tmp_path, "other")
    blob = graph["dw"].outputs[0]

    def first(moved):
        found = divergence(artifact(*other), fp32, samples, FEED, 0.99, 1, moved)
        return found, next(layer for layer in found.layers if layer.blob == blob)

    plain, dw = first(None)
    assert plain.first == dw and dw.cosine < 0.9, "the alarm that is false"
    _, dw = first({blob: 50.0})
    assert dw.cosine > 0.9999 and dw.sqnr_db > 80


def test_what_has_other_scales_on_purpose_is_left_out(tmp_path):
    graph, samples = small_network(), photos(tmp_path)
    fp32, blob = pair(graph, tmp_path), graph["dw"].outputs[0]
    found = layer_differences(artifact(*fp32), fp32, samples, FEED, 1, {blob: None})
    assert [each.layer for each in found] == [name for name in LAYERS if name != "dw"]
