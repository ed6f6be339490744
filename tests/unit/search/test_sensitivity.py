"""The noise that each layer's int8 form puts on the outputs, and the layer's share of time and weights."""

import ctypes
import os
from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import fed, layer, normal, run, small_network, two_headed
from zoo.calibration.collect import collect
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ArtifactError, ZooError
from zoo.measure.layer_time import LayerTimes, layer_times
from zoo.measure.metrics import sqnr_db
from zoo.measure.multiply_adds import multiply_adds
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import apply, table_of
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search import sensitivity as module
from zoo.search.sensitivity import Noise, Sensitivity, fitting, measure, probes_for, sensitivity

GRAPH = small_network()
RECIPE = Recipe(
    "mixed", {"conv": LayerPlan(rounding="gptq"), "dw": LayerPlan("fp16"), "fc": LayerPlan(margin=0.9)}
)
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


def images(count: int, seed: int) -> list[np.ndarray]:
    draw = normal(seed)
    return [draw(192).reshape(3, 8, 8) for _ in range(count)]


def probes(count: int, seed: int) -> list[tuple[np.ndarray]]:
    return [(image,) for image in images(count, seed)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    pair = folder / "fp32.param", folder / "fp32.bin"
    write_graph(GRAPH, *pair)
    return pair


@pytest.fixture(scope="module")
def statistics(files) -> CalibrationStatistics:
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    return collect(GRAPH, runner, fed((str(number), image) for number, image in enumerate(images(8, 1))))


@pytest.fixture(scope="module")
def noise(files, statistics) -> Noise:
    return measure(GRAPH, files, statistics, RECIPE, probes(3, 2))


def test_noise_is_that_of_the_model_with_only_that_layer_in_int8(noise, statistics, tmp_path):
    exact = np.stack([run(GRAPH, image, tmp_path) for image in images(3, 2)])
    assert noise.signal == pytest.approx(np.mean(exact.astype(np.float64) ** 2))
    assert list(noise.by_layer) == ["conv", "fc"]
    for name in ("conv", "fc"):
        plans = dict.fromkeys(("conv", "dw", "fc"), LayerPlan("fp32")) | {name: RECIPE.layers[name]}
        alone = apply(GRAPH, statistics, Recipe("alone", plans))
        found = np.stack([run(alone, image, tmp_path) for image in images(3, 2)])
        assert noise.sqnr_db(name) == pytest.approx(sqnr_db(exact, found), abs=1e-6)
        assert 15 < noise.sqnr_db(name) < 60


def test_noise_of_layers_together_is_about_the_sum(noise, statistics, tmp_path):
    exact, found = (
        np.stack([run(graph, image, tmp_path) for image in images(3, 2)])
        for graph in (GRAPH, apply(GRAPH, statistics, RECIPE))
    )
    assert noise.sqnr_db("conv", "fc") == pytest.approx(sqnr_db(exact, found), abs=2)


def test_noise_does_not_depend_on_the_number_of_processes(noise, files, statistics, tmp_path):
    assert measure(GRAPH, files, statistics, RECIPE, probes(3, 2), processes=2, folder=tmp_path) == noise
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_without_int8_measures_only_the_signal(noise, files, statistics):
    floats = Recipe("floats", dict.fromkeys(("conv", "dw", "fc"), LayerPlan("fp32")))
    assert measure(GRAPH, files, statistics, floats, probes(3, 2)) == Noise(noise.signal, {})


def test_a_recipe_by_table_is_measured_layer_by_layer_too(noise, files, statistics, tmp_path):
    recipe = Recipe("imported", RECIPE.layers, table_of(GRAPH, statistics, RECIPE))
    found = measure(GRAPH, files, statistics, recipe, probes(3, 2))
    assert list(found.by_layer) == ["conv", "fc"]
    floats = dict.fromkeys(("conv", "dw", "fc"), LayerPlan("fp32"))
    only = replace(recipe.floating(["fc"]), layers=floats | {"conv": LayerPlan()})
    exact, alone = (
        np.stack([run(graph, image, tmp_path) for image in images(3, 2)])
        for graph in (GRAPH, apply(GRAPH, statistics, only))
    )
    assert found.sqnr_db("conv") == pytest.approx(sqnr_db(exact, alone), abs=1e-6)
    assert found.by_layer["conv"] != noise.by_layer["conv"]


def test_no_probe_images_are_refused(files, statistics):
    with pytest.raises(ZooError, match="cpu/m: there are no probe images"):
        measure(GRAPH, files, statistics, RECIPE, [], model="cpu/m")


def test_what_is_of_another_model_is_refused(files, statistics):
    with pytest.raises(ZooError, match="statistics were collected with other weights"):
        measure(small_network(1), files, statistics, RECIPE, probes(1, 2))
    with pytest.raises(ZooError, match="no weights of a layer other"):
        measure(
            GRAPH, files, statistics, Recipe("r", {**RECIPE.layers, "other": LayerPlan("fp32")}), probes(1, 2)
        )


def test_outputs_that_are_not_finite_are_named(files, statistics):
    broken = probes(1, 2)
    broken[0][0][0, 0, 0] = np.nan
    with pytest.raises(ArtifactError, match="cpu/m in fp32: the outputs are not finite"):
        measure(GRAPH, files, statistics, RECIPE, broken, model="cpu/m")


def test_a_child_that_dies_is_named_with_its_layer(files, statistics, monkeypatch):
    monkeypatch.setattr(module, "_outputs", die_of_fc)
    with pytest.raises(ArtifactError, match="cpu/m with only the layer fc in int8: the runtime crashed"):
        measure(GRAPH, files, statistics, RECIPE, probes(1, 2), processes=2, model="cpu/m")


def die_of_fc(recipe, columns):
    if recipe and recipe.name == "only fc":
        os.close(2)
        ctypes.string_at(0)
    return (np.ones((1, 5), np.float32),)


def test_the_record_holds_every_layer_with_weights(noise):
    record = sensitivity(GRAPH, noise, TIMES, INT8_TIMES, PRODUCTS, 3, "m", "cpu")
    assert [layer.name for layer in record.layers] == [layer.name for layer in layers_with_weights(GRAPH)]
    conv, dw, fc = record.layers
    assert (conv.weights, dw.weights, fc.weights) == (108 + 4, 36 + 4, 20 + 5)
    assert sum(layer.weight_share for layer in record.layers) == pytest.approx(1)
    assert [layer.time_share for layer in record.layers] == [0.5, 0.25, 0.125]
    assert (dw.noise, dw.sqnr_db) == (None, None)
    assert (conv.int8_ms, dw.int8_ms, fc.int8_ms) == (3.5, None, 0.5)
    assert conv.sqnr_db == noise.sqnr_db("conv")
    assert record.noise() == noise
    assert [layer.multiply_adds for layer in record.layers] == [100, 60, 40]
    weights, products = record.int8_shares(RECIPE)
    assert weights == pytest.approx((112 + 25) / 177) and products == pytest.approx(140 / 200)


def test_multiply_adds_are_weights_times_output_positions(files):
    (height, width) = (8, 8)
    assert multiply_adds(files, [(3, height, width)]) == {"conv": 108 * 64, "dw": 36 * 64, "fc": 20}


def test_the_record_gets_the_plans_of_the_chosen_recipe_and_survives_json(noise):
    record = sensitivity(GRAPH, noise, TIMES, INT8_TIMES, PRODUCTS, 3, "m", "cpu")
    assert Sensitivity.from_dict(record.to_dict()) == record
    chosen = record.with_recipe(RECIPE)
    assert [layer.plan for layer in chosen.layers] == list(RECIPE.layers.values())
    assert chosen.to_dict()["layers"][1]["plan"] == {"precision": "fp16"}
    assert Sensitivity.from_dict(chosen.to_dict()) == chosen
    with pytest.raises(ZooError, match="does not say what becomes of the layer dw"):
        record.with_recipe(Recipe("short", {"conv": LayerPlan()}))


@pytest.mark.parametrize("damage", [{"layers": [{}]}, {"more": 1}])
def test_what_is_not_a_record_is_refused(noise, damage):
    values = sensitivity(GRAPH, noise, TIMES, INT8_TIMES, PRODUCTS, 3, "m", "cpu").to_dict() | damage
    with pytest.raises(ZooError, match="not a record of sensitivity"):
        Sensitivity.from_dict(values)


def test_large_models_get_fewer_probes():
    small = layer("InnerProduct", "fc", "in0", "out0", {0: 5, 1: 1, 2: 20})
    weight = replace(small.weights["weight"], values=np.broadcast_to(np.float32(0), 50_000_001))
    large = replace(small, weights={"weight": weight})
    assert weight.storage is Storage.FP32
    assert probes_for(Graph((small,))) > probes_for(Graph((large,))) > 0


def test_as_many_children_as_fit_into_the_memory_and_at_least_one():
    weight = np.broadcast_to(np.float32(1), 60_000_000)  # 229 MB
    fc = GRAPH["fc"]
    graph = Graph((replace(fc, weights={"weight": replace(fc.weights["weight"], values=weight)}),))
    assert fitting(16, 1000, graph) == 1
    assert fitting(16, 5000, graph) == 4
    assert fitting(2, 50_000, graph) == 2


def test_every_layer_that_computes_takes_time(files):
    times = layer_times(files, [(3, 8, 8)], runs=2)
    assert list(times.ms) == [layer.name for layer in GRAPH.layers]
    assert times.ms["in0"] == 0
    assert all(times.ms[name] > 0 for name in ("conv", "dw", "add", "pool", "fc"))
    assert times.device
    assert not times.transfers


def test_timing_layers_one_by_one_computes_what_a_whole_run_does(files):
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    (image,) = images(1, 2)
    expected = runner.run((image,))
    assert len(runner.seconds((image,), ["1", "2", "4", "5", "6", "out0"])) == 6
    np.testing.assert_array_equal(runner.run((image,)), expected)


def test_a_file_that_ncnn_cannot_time_is_an_error(files, tmp_path):
    (tmp_path / "x.bin").write_bytes(files[1].read_bytes()[:-4])
    with pytest.raises(ZooError, match="x\\.bin"):
        layer_times((files[0], tmp_path / "x.bin"), [(3, 8, 8)], runs=1)


# Several inputs and outputs


SHAPES = [(3, 8, 8), (6,)]
"""Of the inputs of `two_headed`."""


def two(count: int, seed: int) -> list[tuple[np.ndarray, ...]]:
    draw = normal(seed)
    return [tuple(draw(int(np.prod(shape))).reshape(shape) for shape in SHAPES) for _ in range(count)]


@pytest.fixture(scope="module")
def two_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    pair = folder / "fp32.param", folder / "fp32.bin"
    write_graph(two_headed(), *pair)
    return pair


def test_noise_of_several_outputs_is_relative_to_each(two_files, tmp_path):
    runner = NcnnRunner(*two_files, "cpu", 1, precision="fp32")
    named = [(str(index), inputs) for index, inputs in enumerate(two(8, 1))]
    statistics = collect(two_headed(), runner, named)
    recipe = Recipe("all", dict.fromkeys(("conv", "fc", "side"), LayerPlan()))
    found = measure(two_headed(), two_files, statistics, recipe, two(3, 2))
    assert found.signal == pytest.approx(1)
    exact = [runner.run(inputs) for inputs in two(3, 2)]
    for name in ("conv", "fc", "side"):
        plans = dict.fromkeys(("conv", "fc", "side"), LayerPlan("fp32")) | {name: LayerPlan()}
        files = tmp_path / f"{name}.param", tmp_path / f"{name}.bin"
        write_graph(apply(two_headed(), statistics, Recipe("alone", plans)), *files)
        alone = NcnnRunner(*files, "cpu", 1, precision="fp32")
        pairs = [(exact_one, alone.run(inputs)) for exact_one, inputs in zip(exact, two(3, 2), strict=True)]
        shares = []
        for place in (0, 1):
            expected, got = (np.stack([each[side][place] for each in pairs]).astype(float) for side in (0, 1))
            shares.append(np.sum((expected - got) ** 2) / np.sum(expected**2))
        assert found.by_layer[name] == pytest.approx(np.mean(shares), rel=1e-6)
        assert (shares[0] == 0) == (name != "conv"), "only the convolution is seen by the map"


def test_multiply_adds_and_times_of_a_model_of_two_inputs(two_files):
    assert multiply_adds(two_files, SHAPES) == {"conv": 108 * 64, "fc": 20, "side": 30}
    times = layer_times(two_files, SHAPES, runs=2)
    assert all(times.ms[name] > 0 for name in ("conv", "relu", "pool", "fc", "side", "add"))
    assert (times.ms["in0"], times.ms["in1"]) == (0, 0)
