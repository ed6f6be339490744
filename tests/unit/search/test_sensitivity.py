"""What each layer costs a model, side by side: noise, time, weights, multiply-adds."""

import numpy as np
import pytest

from samples import convnet
from samples.ncnn import fed, layer, normal, small_network
from zoo.calibration.collect import collect
from zoo.errors import ZooError
from zoo.measure.layer_time import LayerTimes
from zoo.measure.multiply_adds import multiply_adds
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.pair import Pair
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.noise import Noise, measure_noise
from zoo.search.planning import local_recipe
from zoo.search.sensitivity import (
    Costs,
    Sensitivity,
    as_gemm,
    layer_sensitivities,
    measure_sensitivity,
    ms_of_form,
)
from zoo.search.subject import Subject

GRAPH = small_network()
RECIPE = Recipe(
    "mixed", {"conv": LayerPlan(rounding="gptq"), "dw": LayerPlan("fp16"), "fc": LayerPlan(margin=0.9)}
)
NOISE = Noise(2.0, {"conv": 0.02, "fc": 0.004})
TIMES = LayerTimes(
    {"in0": 0, "conv": 2, "split": 0, "dw": 1, "add": 0.5, "pool": 0, "fc": 0.5}, "a CPU", False
)
INT8_TIMES = LayerTimes(
    {
        "in0": 0,
        "conv_shift": 0.5,
        "conv_quantize": 1,
        "conv": 2,
        "split": 0,
        "dw": 1,
        "add": 0.5,
        "pool": 0,
        "fc": 0.5,
    },
    "a CPU",
    False,
)
PRODUCTS = {"conv": 100, "dw": 60, "fc": 40}


def record_of() -> Sensitivity:
    layers = layer_sensitivities(GRAPH, NOISE, Costs(TIMES, INT8_TIMES, PRODUCTS))
    return Sensitivity("m", "cpu", 3, NOISE.signal, "a CPU", False, layers)


def images(count: int, seed: int) -> list[np.ndarray]:
    draw = normal(seed)
    return [draw(192).reshape(3, 8, 8) for _ in range(count)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    pair = folder / "fp32.param", folder / "fp32.bin"
    write_graph(GRAPH, *pair)
    return pair


def test_a_model_is_measured_layer_by_layer(files, tmp_path):
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    statistics = collect(
        GRAPH, runner, fed((str(number), image) for number, image in enumerate(images(8, 1)))
    )
    subject, probes = Subject("m", "cpu", Pair(GRAPH, *files), statistics), [(each,) for each in images(3, 2)]
    found = measure_sensitivity(subject, RECIPE, probes, [(3, 8, 8)], 1, tmp_path / "new" / "out.json")
    assert (found.model, found.device, found.images) == ("m", "cpu", 3)
    assert found.noise() == measure_noise(subject, RECIPE, probes)
    assert {layer.name: layer.multiply_adds for layer in found.layers} == multiply_adds(files, [(3, 8, 8)])
    assert all(layer.time_ms > 0 for layer in found.layers)
    assert [layer.int8_ms is None for layer in found.layers] == [False, True, False]
    assert list((tmp_path / "new").iterdir()) == [], "what was written for a while is gone"


def test_the_record_holds_every_layer_with_weights():
    record = record_of()
    assert [layer.name for layer in record.layers] == [layer.name for layer in layers_with_weights(GRAPH)]
    conv, dw, fc = record.layers
    assert (conv.weights, dw.weights, fc.weights) == (108 + 4, 36 + 4, 20 + 5)
    assert sum(layer.weight_share for layer in record.layers) == pytest.approx(1)
    assert [layer.time_share for layer in record.layers] == [0.5, 0.25, 0.125]
    assert (dw.noise, dw.sqnr_db) == (None, None)
    assert (conv.int8_ms, dw.int8_ms, fc.int8_ms) == (3.5, None, 0.5)
    assert conv.sqnr_db == NOISE.sqnr_db("conv")
    assert record.noise() == NOISE
    assert [layer.multiply_adds for layer in record.layers] == [100, 60, 40]
    weights, products = record.int8_shares(RECIPE)
    assert weights == pytest.approx((112 + 25) / 177) and products == pytest.approx(140 / 200)


def test_a_layer_in_another_form_takes_the_time_of_what_is_there_for_it_alone():
    form = Graph(
        tuple(
            layer("Clip", name, "a", "b")
            for name in ("x_in_split", "x_in_reshape", "x", "x_1_in_row", "x_1", "x_1_out_row", "clip", "y_z")
        )
    )
    graph = Graph(tuple(layer("Clip", name, "a", "b") for name in ("x", "x_1", "clip", "y_z")))
    ms = dict(
        zip((each.name for each in form.layers), (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0), strict=True)
    )
    assert ms_of_form(LayerTimes(ms, "a CPU", False), form, graph, ["x", "x_1"]) == {"x": 7.0, "x_1": 56.0}


def test_convolutions_and_heads_are_timed_in_blocks_too(tmp_path):
    graph = convnet.network()
    seen = convnet.statistics_of(graph, convnet.pictures(8, 1), tmp_path)
    subject = Subject("m", "cpu", Pair.load(tmp_path / "fp32.param", tmp_path / "fp32.bin"), seen)
    recipe = local_recipe(graph, seen)
    assert set(as_gemm(subject, recipe)) == {"fc1", "fc2", "head"}
    costs = Costs.of(subject, recipe, [(3, 16, 16)], tmp_path)
    assert set(costs.block_ms) == {"fc1", "fc2", "head"} and min(costs.block_ms.values()) > 0
    layers = layer_sensitivities(graph, Noise(1.0, {}), costs)
    assert {each.name: each.block_ms for each in layers if each.block_ms is not None} == costs.block_ms


def test_the_record_gets_the_plans_of_the_chosen_recipe_and_survives_json():
    record = record_of()
    assert Sensitivity.from_dict(record.to_dict()) == record
    chosen = record.with_recipe(RECIPE)
    assert [layer.plan for layer in chosen.layers] == list(RECIPE.layers.values())
    assert chosen.to_dict()["layers"][1]["plan"] == {"precision": "fp16"}
    assert Sensitivity.from_dict(chosen.to_dict()) == chosen
    with pytest.raises(ZooError, match="does not say what becomes of the layer dw"):
        record.with_recipe(Recipe("short", {"conv": LayerPlan()}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"layers": [{}]}, r"a broken record of sensitivity .*`name`"),
        ({"version": 0}, r"no record of sensitivity as this version"),
        ({"signal": None}, r"a broken record of sensitivity .*signal"),
    ],
)
def test_what_is_not_a_record_is_refused(damage, said):
    values = record_of().to_dict() | damage
    with pytest.raises(ZooError, match=said):
        Sensitivity.from_dict(values)
