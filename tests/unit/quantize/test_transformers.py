"""Int8 of a transformer: linear layers on rows and attention, each in the form that its device has."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.ncnn import check_graph, fed, layer, normal, run
from samples.transformer import TOKENS, WIDTH, network
from zoo.calibration.collect import collect
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.pair import Pair
from zoo.ncnn.param_ids import FusedActivation, InnerProduct
from zoo.quantize.apply import apply, check_device, check_recipe, left_float, table_of, weight_share
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.candidates import searched
from zoo.search.noise import measure_noise
from zoo.search.planning import local_recipe, plain_recipe, shifted_recipe
from zoo.search.sensitivity import LayerSensitivity
from zoo.search.subject import Subject


def inputs(count: int, seed: int) -> list[tuple[str, np.ndarray]]:
    draw = normal(seed)
    return [(f"{seed}/{index}", draw(TOKENS * WIDTH).reshape(TOKENS, WIDTH)) for index in range(count)]


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> CalibrationStatistics:
    folder = tmp_path_factory.mktemp("statistics")
    write_graph(network(), folder / "fp32.param", folder / "fp32.bin")
    return collect(
        network(),
        NcnnRunner(folder / "fp32.param", folder / "fp32.bin", "cpu", 1, precision="fp32"),
        fed(inputs(40, 1)),
    )


def distance(graph: Graph, folder: Path, device: str = "cpu") -> float:
    write_graph(graph, folder / "int8.param", folder / "int8.bin")
    runner = NcnnRunner(folder / "int8.param", folder / "int8.bin", device, 1, precision="fp32")
    pictures = [image for _, image in inputs(8, 2)]
    exact = np.stack([run(network(), image, folder) for image in pictures])
    return sqnr_db(exact, np.stack([runner.run((image,))[0] for image in pictures]))


def test_on_a_cpu_everything_is_int8(statistics, tmp_path):
    recipe = local_recipe(network(), statistics)
    assert {name for name, plan in recipe.layers.items() if plan.block} == {"attention", "fc1", "fc2", "rows"}
    assert weight_share(network(), recipe, "int8") == 1 and left_float(network(), recipe) == ""
    quantized = apply(network(), statistics, recipe)
    assert check_graph(quantized) == []
    assert [each.name for each in quantized.of_type("Gemm")] == ["fc1", "fc2", "rows"]
    assert distance(quantized, tmp_path) > 33
    assert distance(quantized, tmp_path) > distance(
        apply(network(), statistics, plain_recipe(network())), tmp_path
    )


def test_on_a_gpu_linear_layers_are_convolutions_and_attention_is_named(statistics, tmp_path):
    recipe = local_recipe(network(), statistics, device="gpu")
    assert not any(plan.block for plan in recipe.layers.values())
    assert recipe.layers["attention"] == LayerPlan("fp16")
    assert left_float(network(), recipe).startswith("1 layers with ")
    assert left_float(network(), recipe).endswith(" of the weights stay fp16: attention (MultiHeadAttention)")
    quantized = apply(network(), statistics, recipe)
    assert check_graph(quantized) == []
    assert [each.name for each in quantized.of_type("Convolution")] == ["fc1", "fc2", "rows"]
    assert quantized.of_type("InnerProduct")[0].name == "head"
    assert distance(quantized, tmp_path) > 33


def test_it_is_right_on_vulkan(statistics, tmp_path, vulkan):
    recipe = local_recipe(network(), statistics, device="gpu")
    assert distance(apply(network(), statistics, recipe), tmp_path, "gpu") > 33


def test_shifts_after_gelu_are_for_convolutions_not_for_blocks(statistics, tmp_path):
    assert shifted_recipe(network(), statistics, local_recipe(network(), statistics)) is None
    local = local_recipe(network(), statistics, device="gpu")
    shifted = shifted_recipe(network(), statistics, local)
    assert [name for name, plan in shifted.layers.items() if plan.shift] == ["fc2"]
    quantized = apply(network(), statistics, shifted)
    assert check_graph(quantized) == [] and len(quantized.of_type("BinaryOp")) == 1
    assert distance(quantized, tmp_path) > distance(apply(network(), statistics, local), tmp_path) - 0.1


def test_smoothing_through_the_norm_reaches_the_convolution(statistics, tmp_path):
    plans = {name: LayerPlan("fp32") for name in local_recipe(network(), statistics).layers}
    plans["fc1"] = LayerPlan(alpha=0.75, through="norm", rounding="gptq")
    quantized = apply(network(), statistics, Recipe("norm", plans))
    assert not quantized.of_type("Quantize")
    smoothed = network()["norm2"].weights["gamma"].values / quantized["norm2"].weights["gamma"].values
    assert smoothed.min() > 0 and smoothed.max() == pytest.approx(1, abs=0.2) and np.ptp(smoothed) > 0.01
    assert distance(quantized, tmp_path) > 40


def test_what_cannot_be_is_refused_by_name(statistics):
    plans = dict(local_recipe(network(), statistics).layers)
    plans["head"] = LayerPlan(block=64)
    head = network()["head"]
    fused = {**head.params, InnerProduct.ACTIVATION_TYPE: FusedActivation.RELU}
    with pytest.raises(ZooError, match=r"layer head \(InnerProduct\) cannot have weights in blocks"):
        check_recipe(Recipe("x", plans), network().replace(replace(head, params=fused)))
    plans["head"] = LayerPlan(alpha=0.5)
    plans["attention"] = LayerPlan()
    with pytest.raises(ZooError, match=r"layer attention .* cannot be int8, .*layer head .* Quantize layer"):
        apply(network(), statistics, Recipe("x", plans))


def test_weights_in_blocks_are_not_for_a_gpu(statistics):
    recipe = local_recipe(network(), statistics)
    check_device(recipe, "cpu")
    check_device(local_recipe(network(), statistics, device="gpu"), "gpu")
    with pytest.raises(ZooError, match=r"local is not for a gpu: .*\(attention, fc1, fc2, rows\) would run"):
        check_device(recipe, "gpu")


def test_the_table_has_what_the_official_tools_can_read(statistics):
    table = table_of(network(), statistics, local_recipe(network(), statistics))
    assert list(table.weights) == ["rows", "head"]


def test_attention_that_is_not_to_itself_stays_float(tmp_path):
    graph = network()
    keys = layer("Split", "split", "1", "1a 1b 1c")
    cross = replace(graph["attention"], inputs=("1a", "1b", "1c"))
    at = [each.name for each in graph.layers].index("attention")
    graph = Graph((*graph.layers[:at], keys, cross, *graph.layers[at + 1 :]))
    write_graph(graph, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    runner = NcnnRunner(tmp_path / "fp32.param", tmp_path / "fp32.bin", "cpu", 1, precision="fp32")
    statistics = collect(graph, runner, fed(inputs(4, 1)))
    recipe = local_recipe(graph, statistics)
    assert "attention" not in statistics.inputs and recipe.layers["attention"].precision == "fp16"
    assert "attention (MultiHeadAttention)" in left_float(graph, recipe)
    assert check_graph(apply(graph, statistics, recipe)) == []


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_noise_of_each_layer_is_measured_in_its_own_form(statistics, device, tmp_path):
    recipe = local_recipe(network(), statistics, device=device)
    files = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    write_graph(network(), *files)
    subject = Subject("model", device, Pair(network(), *files), statistics)
    noise = measure_noise(subject, recipe, [image for _, image in fed(inputs(2, 2))])
    assert list(noise.by_layer) == list(recipe.with_precision("int8"))
    assert all(30 < noise.sqnr_db(name) < 80 for name in noise.by_layer)


def test_the_search_has_candidates_for_it(statistics):
    local = local_recipe(network(), statistics)
    costs = [
        LayerSensitivity(name, network()[name].type, 1e-4 * index, 40.0, 100, 0.2, 1.0, 0.2, 0.5)
        for index, name in enumerate(local.layers)
    ]
    found = searched(network(), local, costs)
    assert {"plain", "mse", "local"} <= set(found)
    for recipe in found.values():
        assert check_graph(apply(network(), statistics, recipe)) == []
