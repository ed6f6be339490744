from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import layer, normal, parameters, small_network
from zoo.config.records.fp16_recipe import LOSS, OVERFLOW, READS, Fp16Recipe, MaskedLayer
from zoo.config.records.proof import RuntimeInfo
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.masks import ARITHMETIC, STORAGE, stores_float32
from zoo.ncnn.param_ids import AnyLayer, FeatureMask
from zoo.precision.apply import apply, computes_int8, with_masks
from zoo.quantize.channel_scales import insert_quantize
from zoo.quantize.scales import int8_layer, weight_rows
from zoo.runners.ncnn_runner import NcnnRunner

RUNTIME = RuntimeInfo("ncnn", "1.0", "none")


def recipe(**masks: tuple[int, str]) -> Fp16Recipe:
    layers = tuple(MaskedLayer(name, "", mask, reason, 0.0) for name, (mask, reason) in masks.items())
    return Fp16Recipe("net", "a76", RUNTIME, 2, 2, None, 60.0, 60.0, 0.0, None, layers)


def quantized(graph: Graph, name: str) -> Graph:
    """The graph with a layer that is int8."""
    old = graph[name]
    new = layer(old.type, name, " ".join(old.inputs), " ".join(old.outputs), {**old.params, 8: 2})
    weight = array(np.ones(new.weights["weight"].values.size, np.int8), Storage.INT8)
    return graph.replace(replace(new, weights={**new.weights, "weight": weight}))


def mask_of(graph: Graph, name: str) -> int:
    return graph[name].param(AnyLayer.FEATURE_MASK)


def test_layers_get_the_masks_of_the_recipe():
    masks = recipe(conv=(ARITHMETIC, LOSS), fc=(STORAGE, READS), pool=(STORAGE, OVERFLOW))
    graph, sentences = apply(small_network(), masks)
    assert mask_of(graph, "conv") == ARITHMETIC and not sentences
    assert [each.name for each in graph.layers if stores_float32(each)] == ["pool", "fc"]
    assert [each.name for each in with_masks(small_network(), masks).layers] == [
        each.name for each in graph.layers
    ]


def test_what_is_int8_quantizes_its_input_in_float32():
    graph = quantized(small_network(), "fc")
    assert computes_int8(graph["fc"]) and not computes_int8(graph["dw"])
    for recipes in (recipe(dw=(ARITHMETIC, LOSS)), recipe(dw=(ARITHMETIC, LOSS), fc=(ARITHMETIC, LOSS))):
        masked, sentences = apply(graph, recipes)
        assert mask_of(masked, "fc") == mask_of(masked, "dw") == ARITHMETIC and not sentences
    assert mask_of(masked, "conv") == 0 == mask_of(apply(small_network(), recipe())[0], "fc")


def test_what_is_int8_is_given_the_image_in_float32():
    graph = quantized(small_network(), "conv")
    masked, sentences = apply(graph, recipe())
    assert mask_of(masked, "conv") == STORAGE and not sentences
    assert [each for each in masked.layers if each.name != "conv"] == [
        each for each in graph.layers if each.name != "conv"
    ], "what reads it converts what it gives, as it does anyway"


def test_what_is_int8_is_given_what_a_constant_was_taken_off_in_float32():
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("GELU", "gelu", "in0", "1"),
            layer("BinaryOp", "shift", "1", "2", {0: 1, 1: 1, 2: 0.9}),
            layer("Quantize", "quantize", "2", "3", {0: 1}),
            layer("Dequantize", "dequantize", "3", "out0", {0: 1}),
        )
    )
    masked, _ = apply(graph, recipe())
    assert [each.type for each in masked.layers] == [
        *("Input", "GELU", "Dropout", "BinaryOp", "Quantize", "Dequantize")
    ]
    assert mask_of(masked, "shift") == mask_of(masked, "quantize") == STORAGE
    assert mask_of(masked, "gelu") == 0
    assert mask_of(masked, "dequantize") == FeatureMask.NO_VULKAN, "no GPU takes int8 of a layer on the CPU"


def test_what_is_int8_stores_float32_if_what_it_gives_is_too_large():
    masked, _ = apply(quantized(small_network(), "conv"), recipe(conv=(STORAGE, OVERFLOW)))
    assert mask_of(masked, "conv") == STORAGE == mask_of(masked, "dw")


def test_a_layer_that_the_file_lacks_is_told():
    _, sentences = apply(small_network(), recipe(gelu_1=(ARITHMETIC, LOSS)))
    assert sentences == ["layer gelu_1 has no mask, for this file has no such layer"]


@pytest.mark.parametrize("device", ["cpu", "gpu"])
@pytest.mark.parametrize("shifted", [False, True])
def test_the_answers_of_int8_stay_where_nothing_computes_in_float16(device, shifted, tmp_path, request):
    """Also on a GPU, where a layer that stores float32 runs on the CPU."""
    if device == "gpu":
        request.getfixturevalue("vulkan")
    constant = {0: 1, 1: 1, 2: 0.5}
    convolution = parameters("Convolution", num_output=16, kernel_w=1, bias_term=1, weight_data_size=512)
    middle = (layer("GELU", "gelu", "in0", "1"), layer("BinaryOp", "shift", "1", "2", constant))
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            *(middle if shifted else ()),
            layer("Convolution", "x", "2" if shifted else "in0", "out0", convolution, normal(4)),
        )
    )
    levels = np.random.default_rng(0).integers(-127, 128, weight_rows(graph["x"]).shape).astype(np.int8)
    int8 = int8_layer(graph["x"], levels, np.full(16, 500, np.float32), 40.0)
    graph = insert_quantize(graph.replace(int8), {"x": np.full(32, 40, np.float32)})
    masked = with_masks(graph, recipe())
    assert {each.name for each in masked.layers if stores_float32(each)} >= {"x_quantize"}
    image, found = normal(1)(32 * 36).reshape(32, 6, 6).astype(np.float32), []
    for each in (graph, masked):
        write_graph(each, tmp_path / "x.param", tmp_path / "x.bin")
        runner = NcnnRunner(tmp_path / "x.param", tmp_path / "x.bin", device, 1, precision="int8")
        found.append(runner.run((image,))[0])
    close = 0 if device == "cpu" else 0.02 * np.abs(found[0]).max()
    np.testing.assert_allclose(found[1], found[0], atol=close, rtol=0)
