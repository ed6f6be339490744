"""The noise that each layer's int8 form alone puts on the outputs."""

import ctypes
import os
from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import fed, layer, normal, run, small_network, two_headed
from zoo.calibration.collect import collect
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ArtifactError, ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.pair import Pair
from zoo.quantize.apply import apply, table_of
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search import noise as module
from zoo.search.noise import Noise, fitting_processes, measure_noise, probes_for
from zoo.search.subject import Subject

GRAPH = small_network()
RECIPE = Recipe(
    "mixed", {"conv": LayerPlan(rounding="gptq"), "dw": LayerPlan("fp16"), "fc": LayerPlan(margin=0.9)}
)


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
def subject(files, statistics) -> Subject:
    return Subject("m", "cpu", Pair(GRAPH, *files), statistics)


@pytest.fixture(scope="module")
def noise(subject) -> Noise:
    return measure_noise(subject, RECIPE, probes(3, 2))


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


def test_noise_does_not_depend_on_the_number_of_processes(noise, tmp_path, subject):
    assert measure_noise(subject, RECIPE, probes(3, 2), processes=2, folder=tmp_path) == noise
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_without_int8_measures_only_the_signal(noise, subject):
    floats = Recipe("floats", dict.fromkeys(("conv", "dw", "fc"), LayerPlan("fp32")))
    assert measure_noise(subject, floats, probes(3, 2)) == Noise(noise.signal, {})


def test_a_recipe_by_table_is_measured_layer_by_layer_too(noise, statistics, tmp_path, subject):
    recipe = Recipe("imported", RECIPE.layers, table_of(GRAPH, statistics, RECIPE))
    found = measure_noise(subject, recipe, probes(3, 2))
    assert list(found.by_layer) == ["conv", "fc"]
    floats = dict.fromkeys(("conv", "dw", "fc"), LayerPlan("fp32"))
    only = replace(recipe.floating(["fc"]), layers=floats | {"conv": LayerPlan()})
    exact, alone = (
        np.stack([run(graph, image, tmp_path) for image in images(3, 2)])
        for graph in (GRAPH, apply(GRAPH, statistics, only))
    )
    assert found.sqnr_db("conv") == pytest.approx(sqnr_db(exact, alone), abs=1e-6)
    assert found.by_layer["conv"] != noise.by_layer["conv"]


def test_no_probe_images_are_refused(subject):
    with pytest.raises(ZooError, match="m: there are no probe images"):
        measure_noise(subject, RECIPE, [])


def test_what_is_of_another_model_is_refused(files, statistics, subject):
    with pytest.raises(ZooError, match="statistics were collected with other weights"):
        measure_noise(replace(subject, fp32=Pair(small_network(1), *files)), RECIPE, probes(1, 2))
    with pytest.raises(ZooError, match="no weights of a layer other"):
        measure_noise(subject, Recipe("r", {**RECIPE.layers, "other": LayerPlan("fp32")}), probes(1, 2))


def test_outputs_that_are_not_finite_are_named(subject):
    broken = probes(1, 2)
    broken[0][0][0, 0, 0] = np.nan
    with pytest.raises(ArtifactError, match="m in fp32: the outputs are not finite"):
        measure_noise(subject, RECIPE, broken)


def test_a_child_that_dies_is_named_with_its_layer(monkeypatch, subject):
    monkeypatch.setattr(module, "_outputs", die_of_fc)
    with pytest.raises(ArtifactError, match="m with only the layer fc in int8: the runtime crashed"):
        measure_noise(subject, RECIPE, probes(1, 2), processes=2)


def die_of_fc(_, recipe, columns):
    if recipe and recipe.name == "only fc":
        os.close(2)
        ctypes.string_at(0)
    return (np.ones((1, 5), np.float32),)


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
    assert fitting_processes(graph, 16, 1000) == 1
    assert fitting_processes(graph, 16, 5000) == 4
    assert fitting_processes(graph, 2, 50_000) == 2


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
    subject = Subject("two", "cpu", Pair(two_headed(), *two_files), statistics)
    found = measure_noise(subject, recipe, two(3, 2))
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
