"""Files whose linear layers are in blocks, and all else in codebooks or fp16."""

import numpy as np
import pytest

from samples import transformer
from samples.ncnn import check_graph, fed, normal, run
from zoo.calibration.collect import collect
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import write_graph
from zoo.ncnn.group_wise import weight_bits
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.weight_only import apply_weight_only, bits_in_words, stored_bytes
from zoo.runners.ncnn_runner import NcnnRunner

GRAPH = transformer.network()
SHAPE = transformer.TOKENS, transformer.WIDTH


def recipe(bits: int) -> Recipe:
    plans = {
        layer.name: LayerPlan(rounding="gptq", block=32, bits=bits, alpha=0.25)
        if layer.type in ("Gemm", "MultiHeadAttention")
        else LayerPlan("fp16")
        for layer in layers_with_weights(GRAPH)
    }
    return Recipe("w", plans)


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    files = [tmp_path_factory.mktemp("model") / name for name in ("a.param", "a.bin")]
    write_graph(GRAPH, *files)
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    draw = normal(1)
    return collect(GRAPH, runner, fed((str(n), draw(SHAPE[0] * SHAPE[1]).reshape(SHAPE)) for n in range(30)))


@pytest.mark.parametrize(("bits", "decibels"), [(4, 10), (6, 22), (8, 28)])
def test_the_bits_are_those_of_the_recipe_and_the_file_is_sound(bits, decibels, statistics, tmp_path):
    made = apply_weight_only(GRAPH, statistics, recipe(bits))
    assert check_graph(made) == []
    assert {weight_bits(layer) for layer in made.layers if layer.type in ("Gemm", "MultiHeadAttention")} == {
        bits
    }
    tagged = {array.storage for layer in made.layers for array in layer.weights.values() if array.storage.tag}
    assert tagged <= {Storage.FP16, Storage.CODEBOOK}, "none stays fp32"
    image = normal(2)(SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    assert sqnr_db(run(GRAPH, image, tmp_path), run(made, image, tmp_path)) > decibels


def test_the_bytes_are_those_of_the_file(statistics, tmp_path):
    made = apply_weight_only(GRAPH, statistics, recipe(4))
    write_graph(made, tmp_path / "x.param", tmp_path / "x.bin")
    assert (tmp_path / "x.bin").stat().st_size == stored_bytes(made)


def test_words_tell_the_shares_of_the_weights():
    words = bits_in_words(GRAPH, recipe(6))
    share = sum(
        array.values.size
        for layer in GRAPH.of_type("Gemm", "MultiHeadAttention")
        for array in layer.weights.values()
    )
    layers = len(recipe(6).with_precision("int8"))
    assert words == f"{share / GRAPH.parameters:.1%} of the weights have 6 bits ({layers} layers)"


def test_a_recipe_of_another_model_is_refused(statistics):
    with pytest.raises(ZooError, match="no weights of a layer other"):
        apply_weight_only(GRAPH, statistics, Recipe("w", {**recipe(4).layers, "other": LayerPlan("fp16")}))


def test_the_bias_is_the_layers_own(statistics):
    made = apply_weight_only(GRAPH, statistics, recipe(4))
    for layer in GRAPH.of_type("MultiHeadAttention"):
        np.testing.assert_array_equal(
            made[layer.name].weights["q_bias"].values, layer.weights["q_bias"].values
        )
