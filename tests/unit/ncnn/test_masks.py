"""Masks on layers, against what this machine's CPU, which has no float16 arithmetic, makes of them."""

import numpy as np
import pytest

from samples.ncnn import check_graph, normal, run, small_network
from zoo.errors import ZooError
from zoo.ncnn.graph import write_graph
from zoo.ncnn.masks import ARITHMETIC, GATE, STORAGE, masked, readers, stores_float32
from zoo.ncnn.param_ids import AnyLayer
from zoo.runners.ncnn_runner import NcnnRunner

IMAGE = normal(3)(3 * 8 * 8).reshape(3, 8, 8)


def masks(graph):
    return {layer.name: layer.params.get(AnyLayer.FEATURE_MASK, 0) for layer in graph.layers}


def test_a_layer_computes_in_float32_and_all_else_stays():
    graph = small_network()
    marked = masked(graph, ["conv", "fc"])
    assert {name for name, mask in masks(marked).items() if mask} == {"conv", "fc"}
    assert masks(marked)["fc"] == ARITHMETIC == 1
    assert [layer.weights for layer in marked.layers] == [layer.weights for layer in graph.layers]


def test_what_reads_a_stored_float32_stores_it_too_past_a_split():
    marked = masked(small_network(), [], ["conv"])
    stored = [layer.name for layer in marked.layers if stores_float32(layer)]
    assert stored == ["conv", "split", "dw", "add"] == ["conv", *readers(small_network(), ["conv"])]
    assert masks(marked)["dw"] == STORAGE == 19 and masks(marked)["pool"] == 0


def test_an_input_that_others_store_in_float16_is_converted_before_it_is_read():
    marked = masked(small_network(), [], ["pool"])
    (gate,) = marked.of_type(GATE)
    assert gate.inputs == ("5",) and marked["pool"].inputs == gate.outputs
    assert not check_graph(marked)
    assert not masked(small_network(), [], ["conv"]).of_type(GATE)[1:], "the model's input is float32"


def test_the_other_input_of_a_reader_is_converted():
    """What is summed is a convolution and the depthwise convolution of it."""
    marked = masked(small_network(), [], ["dw"])
    assert [layer.name for layer in marked.layers if stores_float32(layer)] == ["dw", "add"]
    assert sorted(gate.inputs for gate in marked.of_type(GATE)) == [("2",), ("3",)]


def test_what_is_exact_takes_float32_and_asks_nothing_of_its_reader(tmp_path):
    marked = masked(small_network(), [], [], ["conv", "pool"])
    assert [layer.name for layer in marked.layers if stores_float32(layer)] == ["conv", "pool"]
    assert [gate.inputs for gate in marked.of_type(GATE)] == [("5",)], "the model's input is float32"
    assert not check_graph(marked)
    np.testing.assert_array_equal(run(marked, IMAGE, tmp_path), run(small_network(), IMAGE, tmp_path))


@pytest.mark.parametrize("storage", [(), ("conv",), ("add", "fc"), ("pool",)])
def test_answers_on_a_cpu_without_float16_arithmetic_stay(tmp_path, storage):
    graph = small_network()
    everything = [layer.name for layer in graph.layers if layer.type != "Input"]
    expected = run(graph, IMAGE, tmp_path)
    np.testing.assert_array_equal(run(masked(graph, everything, storage), IMAGE, tmp_path), expected)


@pytest.mark.usefixtures("vulkan")
@pytest.mark.parametrize("storage", [(), ("conv",), ("pool",)])
def test_answers_on_vulkan_stay_as_far_as_float16_goes(tmp_path, storage):
    """There ncnn hands a layer that stores float32 to the CPU."""
    graph = small_network()
    everything = [layer.name for layer in graph.layers if layer.type != "Input"]
    files = tmp_path / "masked.param", tmp_path / "masked.bin"
    write_graph(masked(graph, everything, storage), *files)
    (got,) = NcnnRunner(*files, device="gpu", threads=1, precision="fp16").run((IMAGE,))
    np.testing.assert_allclose(got, run(graph, IMAGE, tmp_path), rtol=0.01, atol=0.05)


def test_a_mask_that_is_there_stays():
    once = masked(small_network(), ["conv"])
    assert masks(masked(once, [], ["conv"]))["conv"] == STORAGE
    assert masks(masked(masked(once, [], ["conv"]), ["conv"]))["conv"] == STORAGE


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(ZooError, match="no layer conv_9"):
        masked(small_network(), ["conv_9"])
