"""An int8 model from a recipe: what becomes of each layer, and how close it stays."""

from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import check_graph, fed, layer, normal, run
from zoo.calibration.collect import collect
from zoo.calibration.statistics import CalibrationStatistics
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.weights import layers_with_weights
from zoo.quantize.apply import apply, table_of
from zoo.quantize.centring import shift_name
from zoo.quantize.channel_scales import quantize_name
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search import planning
from zoo.search.planning import ends, local_recipe, plain_recipe, shifted_recipe


def network() -> Graph:
    """Convolution with ReLU6 -> depthwise with ReLU6 -> 1x1 -> GELU -> 1x1 -> mean -> inner product."""
    draw = normal(0)
    relu6 = {9: 3, 10: (0.0, 6.0)}
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Convolution", "stem", "in0", "1", {0: 8, 1: 3, 3: 2, 4: 1, 5: 1, 6: 216, **relu6}, draw),
            layer(
                "ConvolutionDepthWise", "dw", "1", "2", {0: 8, 1: 3, 4: 1, 5: 1, 6: 72, 7: 8, **relu6}, draw
            ),
            layer(
                "Convolution",
                "fc1",
                "2",
                "3",
                draw=draw,
                num_output=32,
                kernel_w=1,
                bias_term=1,
                weight_data_size=256,
            ),
            layer("GELU", "gelu", "3", "4"),
            layer(
                "Convolution",
                "fc2",
                "4",
                "5",
                draw=draw,
                num_output=16,
                kernel_w=1,
                bias_term=0,
                weight_data_size=512,
            ),
            layer("Pooling", "pool", "5", "6", pooling_type=1, global_pooling=1),
            layer(
                "InnerProduct", "head", "6", "out0", draw=draw, num_output=5, bias_term=1, weight_data_size=80
            ),
        )
    )


def pictures(count: int, seed: int) -> list[tuple[str, np.ndarray]]:
    draw = normal(seed)
    return [(f"{seed}/{index}", draw(3 * 16 * 16).reshape(3, 16, 16)) for index in range(count)]


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> CalibrationStatistics:
    folder = tmp_path_factory.mktemp("statistics")
    write_graph(network(), folder / "fp32.param", folder / "fp32.bin")
    runner = NcnnRunner(folder / "fp32.param", folder / "fp32.bin", "cpu", 1, precision="fp32")
    return collect(network(), runner, fed(pictures(24, 1)))


def distance(graph: Graph, folder, device: str = "cpu") -> float:
    images = [image for _, image in pictures(12, 2)]
    write_graph(graph, folder / "int8.param", folder / "int8.bin")
    runner = NcnnRunner(folder / "int8.param", folder / "int8.bin", device, 1, precision="fp32")
    exact = np.stack([run(network(), image, folder) for image in images])
    return sqnr_db(exact, np.stack([runner.run((image,))[0] for image in images]))


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


def test_each_step_of_the_local_recipe_comes_nearer(statistics, tmp_path):
    graph = network()
    plain = distance(apply(graph, statistics, plain_recipe(graph)), tmp_path)
    recipe = local_recipe(graph, statistics)
    local = distance(apply(graph, statistics, recipe), tmp_path)
    halves = local_recipe(graph, statistics, ends(graph))
    assert halves.layers["stem"] == halves.layers["head"] == LayerPlan("fp16")
    assert recipe.layers["dw"] == LayerPlan("fp16")
    assert recipe.layers["fc1"].shift == 3.0
    assert recipe.layers["fc2"].alpha is not None
    assert plain + 3 < local < distance(apply(graph, statistics, halves), tmp_path)


def test_a_shift_after_gelu_costs_a_pass_and_comes_nearer(statistics, tmp_path):
    graph = network()
    local = local_recipe(graph, statistics, ("stem", "fc1", "head"))
    shifted = shifted_recipe(graph, statistics, local)
    changed = {name for name, plan in shifted.layers.items() if plan != local.layers[name]}
    assert changed == {"fc2"} and shifted.name == "shifted"
    plan = shifted.layers["fc2"]
    assert 0 < plan.shift < statistics.absmax("fc2") / 2 and plan.alpha is not None
    before, after = apply(graph, statistics, local), apply(graph, statistics, shifted)
    assert check_graph(after) == []
    subtract, quantize = after[shift_name("fc2")], after[quantize_name("fc2")]
    assert subtract.inputs == graph["gelu"].outputs and subtract.params == {0: 1, 1: 1, 2: plan.shift}
    assert quantize.inputs == subtract.outputs and after["fc2"].inputs == quantize.outputs
    assert distance(after, tmp_path) > distance(before, tmp_path) + 0.8


@pytest.mark.parametrize("gelu", ["erf", "tanh"])
def test_a_shift_after_gelu_is_right_on_vulkan(gelu, statistics, tmp_path, vulkan):
    graph = network()
    recipe = shifted_recipe(graph, statistics, local_recipe(graph, statistics, ("stem", "fc1", "head")))
    on_cpu, quantized = (apply(graph, statistics, replace(recipe, gelu=form)) for form in ("erf", gelu))
    assert distance(quantized, tmp_path, "gpu") == pytest.approx(distance(on_cpu, tmp_path), abs=0.3)


def test_a_shift_that_is_not_free_is_planned_only_where_it_pays(statistics, monkeypatch):
    graph = network()
    local = local_recipe(graph, statistics)
    shifted = shifted_recipe(graph, statistics, local)
    assert shifted_recipe(graph, statistics, shifted) is None, "what is shifted stays so"
    assert shifted_recipe(graph, statistics, local.floating(["fc2"])) is None
    table = table_of(graph, statistics, local)
    assert shifted_recipe(graph, statistics, replace(local, table=table)) is None
    monkeypatch.setattr(planning, "WORTH_A_PASS", 0.01)
    assert shifted_recipe(graph, statistics, local) is None


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


def test_layers_that_read_one_blob_are_planned_together(tmp_path):
    draw = normal(4)
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Split", "split", "in0", "a b"),
            layer(
                "Convolution",
                "one",
                "a",
                "c",
                draw=draw,
                num_output=4,
                kernel_w=1,
                bias_term=1,
                weight_data_size=12,
            ),
            layer(
                "Convolution",
                "two",
                "b",
                "d",
                draw=draw,
                num_output=4,
                kernel_w=3,
                pad_left=1,
                bias_term=1,
                weight_data_size=108,
            ),
            layer("BinaryOp", "add", "c d", "out0", op_type=0),
        )
    )
    write_graph(graph, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    runner = NcnnRunner(tmp_path / "fp32.param", tmp_path / "fp32.bin", "cpu", 1, precision="fp32")
    images = [(name, image * np.float32([1, 8, 30])[:, None, None]) for name, image in pictures(8, 1)]
    statistics = collect(graph, runner, fed(images))
    recipe = local_recipe(graph, statistics)
    assert recipe.layers["one"] == recipe.layers["two"]
    assert len(apply(graph, statistics, recipe).of_type("Quantize")) == 1


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
    write_graph(graph, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    runner = NcnnRunner(tmp_path / "fp32.param", tmp_path / "fp32.bin", "cpu", 1, precision="fp32")
    statistics = collect(graph, runner, fed(given))
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


def test_one_image_chooses_nothing(tmp_path):
    graph = network()
    write_graph(graph, tmp_path / "fp32.param", tmp_path / "fp32.bin")
    runner = NcnnRunner(tmp_path / "fp32.param", tmp_path / "fp32.bin", "cpu", 1, precision="fp32")
    for images in (pictures(1, 1), [("the same", image) for _, image in pictures(3, 1)]):
        recipe = local_recipe(graph, collect(graph, runner, fed(images)))
        plans = [recipe.layers[name] for name in recipe.with_precision("int8")]
        assert plans and {(plan.alpha, plan.margin) for plan in plans} == {(None, 1.0)}
        assert shifted_recipe(graph, collect(graph, runner, fed(images)), recipe) is None


def test_what_is_planned_is_what_holds_weights():
    assert [each.name for each in layers_with_weights(network())] == ["stem", "dw", "fc1", "fc2", "head"]
