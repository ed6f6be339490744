"""An int8 model from a recipe: what becomes of each layer, and how close it stays."""

from dataclasses import replace

import numpy as np
import pytest

from samples import convnext
from samples.convnet import distance, network, pictures, statistics_of
from samples.ncnn import check_graph, layer, run
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bin import Storage
from zoo.ncnn.check import check_files
from zoo.ncnn.graph import Graph, write_graph
from zoo.quantize.apply import apply, table_of
from zoo.quantize.moved import moved_blobs
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.table_lint import lint_table
from zoo.search.planning import gemm_recipe, local_recipe, plain_recipe, shifted_recipe


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> CalibrationStatistics:
    return statistics_of(network(), pictures(24, 1), tmp_path_factory.mktemp("statistics"))


def test_every_plan_is_what_the_file_holds(statistics, tmp_path):
    recipe = Recipe(
        "mixed",
        {
            "stem": LayerPlan("fp32"),
            "dw": LayerPlan("fp16"),
            "fc1": LayerPlan(shift=3.0, rounding="gptq"),
            "fc2": LayerPlan(alpha=0.75, margin=1.1, bias_correction=False),
            "head": LayerPlan(observer="mse"),
        },
    )
    quantized = apply(network(), statistics, recipe)
    assert check_graph(quantized) == []
    stored = {name: quantized[name].weights["weight"].storage for name in recipe.layers}
    assert stored == {"stem": Storage.FP32, "dw": Storage.FP16} | dict.fromkeys(
        ("fc1", "fc2", "head"), Storage.INT8
    )
    assert quantized["dw"].params[10] == (-3.0, 3.0)
    assert quantized["fc1"].weights["activation_scale"].values == np.float32(127 / 3)
    (quantize,) = quantized.of_type("Quantize")
    assert quantized["fc2"].inputs == quantize.outputs and quantize.weights["scales"].values.size == 32
    assert "bias" not in quantized["fc2"].weights
    assert distance(quantized, tmp_path) > 25


def test_an_input_that_is_padded_is_not_shifted(statistics):
    plans = {name: LayerPlan("fp32") for name in plain_recipe(network()).layers}
    for name in ("stem", "dw"):
        with pytest.raises(ZooError, match=f"layer {name} .* cannot have its input shifted"):
            apply(network(), statistics, Recipe("x", plans | {name: LayerPlan(shift=1.0)}))


def test_a_recipe_may_have_gelu_in_its_tanh_form(statistics, tmp_path):
    recipe = local_recipe(network(), statistics)
    exact, fast = (apply(network(), statistics, replace(recipe, gelu=form)) for form in ("erf", "tanh"))
    assert (exact["gelu"].param(0), fast["gelu"].param(0)) == (0, 1)
    assert distance(fast, tmp_path) > distance(exact, tmp_path) - 0.5


def test_the_same_statistics_give_the_same_bytes(statistics, tmp_path):
    for name in "ab":
        recipe = local_recipe(network(), statistics)
        write_graph(
            apply(network(), statistics, recipe), tmp_path / f"{name}.param", tmp_path / f"{name}.bin"
        )
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_the_table_is_the_recipe_by_tensor(statistics):
    recipe = local_recipe(network(), statistics)
    table = table_of(network(), statistics, recipe)
    assert list(table.weights) == list(table.activations) == ["stem", "fc1", "fc2", "head"]
    assert table.activations["fc1"] == np.float32(127 / min(6, 6 * recipe.layers["fc1"].margin)), (
        "not shifted"
    )
    peak = statistics.absmax("fc2") * recipe.layers["fc2"].margin
    assert table.activations["fc2"] == pytest.approx(127 / peak, rel=1e-6)


def test_a_recipe_for_another_model_is_refused_with_every_problem(statistics):
    graph = network()
    plans = dict(plain_recipe(graph).layers)
    del plans["fc1"]
    plans["strange"] = LayerPlan()
    plans["head"] = LayerPlan(alpha=0.5)
    with pytest.raises(ZooError) as caught:
        apply(graph, statistics, Recipe("x", plans))
    for part in (
        r"what becomes of layer fc1 (Convolution)",
        "no weights of a layer strange",
        "layer head (InnerProduct) cannot have a Quantize layer",
    ):
        assert part in str(caught.value)


def test_statistics_of_other_weights_are_refused(statistics):
    graph = network()
    other = graph.replace(replace(graph["head"], weights=dict(graph["head"].weights)))
    assert apply(other, statistics, plain_recipe(graph))
    with pytest.raises(ZooError, match="other weights"):
        apply(
            graph.replace(
                layer("InnerProduct", "head", "6", "out0", num_output=5, bias_term=1, weight_data_size=80)
            ),
            statistics,
            plain_recipe(graph),
        )


def _scaled(graph: Graph, name: str, rows: slice, by: float) -> Graph:
    """The graph with these output channels of a layer multiplied."""
    weights = dict(graph[name].weights)
    for role, each in weights.items():
        values = each.values.copy().reshape(graph[name].param(0), -1)
        values[rows] *= np.float32(by)
        weights[role] = replace(each, values=values.ravel())
    return graph.replace(replace(graph[name], weights=weights))


ALL = slice(None)
STRANGE_MODELS = {
    "as it is": network(),
    "a layer of zeros": _scaled(network(), "fc1", ALL, 0),
    "a channel of zeros": _scaled(network(), "fc1", slice(3, 4), 0),
    "channels next to nothing": _scaled(network(), "fc1", slice(3, 5), 1e-38),
    "a dead channel throughout": _scaled(_scaled(network(), "stem", slice(2, 3), 0), "dw", slice(2, 3), 0),
    "the last layer of zeros": _scaled(network(), "head", ALL, 0),
}
STRANGE_IMAGES = {
    "one image": pictures(1, 1),
    "black": [("black", np.zeros((3, 16, 16), np.float32))],
    "next to black": [(str(each), np.full((3, 16, 16), 1e-38, np.float32)) for each in range(4)],
    "constant": [(str(each), np.full((3, 16, 16), 1000, np.float32)) for each in range(8)],
    "bright": [(name, 1e6 * image) for name, image in pictures(4, 1)],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("images", STRANGE_IMAGES)
@pytest.mark.parametrize("model", STRANGE_MODELS)
def test_dead_channels_layers_and_inputs_give_finite_numbers(model, images, tmp_path):
    graph, given = STRANGE_MODELS[model], STRANGE_IMAGES[images]
    statistics = statistics_of(graph, given, tmp_path)
    plain = plain_recipe(graph)
    local = local_recipe(graph, statistics)
    shifted = shifted_recipe(graph, statistics, local) or local
    for recipe in (plain, plain.changed(observer="mse"), local, shifted):
        quantized = apply(graph, statistics, recipe)
        assert check_graph(quantized) == []
        for each in (each for found in quantized.layers for each in found.weights.values()):
            assert np.isfinite(each.values).all()
        assert np.isfinite(run(quantized, given[0][1], tmp_path)).all()
    exact = run(graph, given[0][1], tmp_path)
    assert sqnr_db(exact, run(quantized, given[0][1], tmp_path)) > 25


@pytest.fixture(scope="module", params=[1, 2])
def on_rows(request, tmp_path_factory) -> tuple[Graph, CalibrationStatistics, Recipe]:
    """A ConvNeXt of either version, with weights in blocks for what can be on rows."""
    graph = convnext.network(request.param)
    seen = statistics_of(graph, convnext.pictures(24, 1), tmp_path_factory.mktemp("statistics"))
    recipe = gemm_recipe(graph, seen, local_recipe(graph, seen), 32)
    assert recipe is not None
    return graph, seen, recipe


def fidelity(graph: Graph, quantized: Graph, folder) -> float:
    images = [image for _, image in convnext.pictures(8, 2)]
    exact, got = (np.stack([run(each, image, folder) for image in images]) for each in (graph, quantized))
    return sqnr_db(exact, got)


def test_convolutions_on_rows_have_weights_in_blocks_and_are_closer(on_rows, tmp_path):
    graph, seen, recipe = on_rows
    quantized = apply(graph, seen, recipe)
    assert check_graph(quantized) == []
    gemms = quantized.of_type("Gemm")
    assert [each.name for each in gemms] == ["stem", "a_fc1", "a_fc2", "down", "b_fc1", "b_fc2"]
    assert {each.weights["B"].storage for each in gemms} == {Storage.RAW_INT8}
    assert quantized["head"].weights["weight"].storage is Storage.INT8
    static = local_recipe(graph, seen)
    others = ["stem", "down", "head"]
    close, closer = (
        fidelity(graph, apply(graph, seen, each.floating(others)), tmp_path) for each in (static, recipe)
    )
    assert closer > close + 2 and closer > 38


@pytest.mark.parametrize("alpha", [None, 0.5])
def test_convolutions_whose_windows_tile_the_image_can_have_blocks_too(on_rows, alpha, tmp_path):
    graph, seen, recipe = on_rows
    plan = LayerPlan(rounding="gptq", bias_correction=False, block=32, alpha=alpha)
    more = replace(recipe, layers={**recipe.layers, "down": plan, "stem": plan}).floating(["head"])
    quantized = apply(graph, seen, more)
    assert check_graph(quantized) == [] and quantized.of_type("Convolution") == ()
    assert quantized["down"].weights["B"].storage is Storage.RAW_INT8
    assert fidelity(graph, quantized, tmp_path) > 37


def test_a_float_convolution_on_rows_is_a_float_gemm(on_rows, tmp_path):
    graph, seen, recipe = on_rows
    quantized = apply(graph, seen, recipe.floating(["b_fc2", "stem", "down", "head"]))
    assert quantized["b_fc2"].type == "Gemm" and quantized["b_fc2"].weights["B"].storage is Storage.FP16
    assert fidelity(graph, quantized, tmp_path) > 38


def test_blocks_and_a_found_threshold_do_not_go_together_on_rows(on_rows):
    graph, seen, recipe = on_rows
    plans = {**recipe.layers, "b_fc1": local_recipe(graph, seen).layers["b_fc1"]}
    with pytest.raises(
        ZooError, match=r"layer b_fc1 \(Convolution\) is on rows with b_fc2: in blocks or float"
    ):
        apply(graph, seen, replace(recipe, layers=plans))
    depthwise = {**recipe.layers, "a_dw": LayerPlan(block=32)}
    with pytest.raises(ZooError, match=r"layer a_dw \(ConvolutionDepthWise\) cannot have weights in blocks"):
        apply(graph, seen, replace(recipe, layers=depthwise))


def test_the_table_keeps_a_line_for_each_convolution_on_rows(on_rows):
    graph, seen, recipe = on_rows
    table = table_of(graph, seen, recipe)
    assert set(table.weights) == {each.name for each in graph.of_type("Convolution", "InnerProduct")}
    assert not [finding for finding in lint_table(table, graph, seen.images) if "_dw " not in str(finding)]


def test_such_a_file_is_sound_and_damage_to_its_scales_is_named(on_rows, tmp_path):
    graph, seen, recipe = on_rows
    quantized = apply(graph, seen, recipe)
    files = tmp_path / "int8.param", tmp_path / "int8.bin"
    write_graph(quantized, *files)
    assert check_files(*files) == []
    assert moved_blobs(quantized, recipe).keys() <= set(quantized.blobs)
    scales = quantized["b_fc1"].weights["B_scales"]
    broken = replace(scales, values=np.where(np.arange(scales.values.size) == 3, np.nan, scales.values))
    layer_ = replace(quantized["b_fc1"], weights={**quantized["b_fc1"].weights, "B_scales": broken})
    write_graph(quantized.replace(layer_), *files)
    (problem,) = check_files(*files)
    assert problem.endswith(
        "layer b_fc1 (Gemm): B_scales holds scales that are zero, negative or not finite (1 of "
        f"{scales.values.size}, the first at 3)"
    )
    files[1].write_bytes(files[1].read_bytes() + b"1234")
    assert "4 bytes follow the arrays" in check_files(*files)[-1]
