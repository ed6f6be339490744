"""Plans from the statistics alone: what they choose, and that each step of them comes nearer to fp32."""

from dataclasses import replace

import numpy as np
import pytest

from samples.convnet import distance, network, pictures, statistics_of
from samples.ncnn import check_graph, layer, normal
from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.ncnn.param_ids import BinaryOp, Operation
from zoo.quantize.apply import apply, table_of
from zoo.quantize.centring import shift_name
from zoo.quantize.channel_scales import quantize_name
from zoo.quantize.recipe import LayerPlan
from zoo.search import planning
from zoo.search.planning import local_recipe, plain_recipe, shifted_recipe


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> CalibrationStatistics:
    return statistics_of(network(), pictures(24, 1), tmp_path_factory.mktemp("statistics"))


def test_each_step_of_the_local_recipe_comes_nearer(statistics, tmp_path):
    graph = network()
    plain = distance(apply(graph, statistics, plain_recipe(graph)), tmp_path)
    recipe = local_recipe(graph, statistics)
    local = distance(apply(graph, statistics, recipe), tmp_path)
    halves = local_recipe(graph, statistics, ("stem", "head"))
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
    assert subtract.inputs == graph["gelu"].outputs and subtract.params == {
        BinaryOp.OP_TYPE: Operation.SUB,
        BinaryOp.WITH_SCALAR: 1,
        BinaryOp.B: plan.shift,
    }
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
    images = [(name, image * np.float32([1, 8, 30])[:, None, None]) for name, image in pictures(8, 1)]
    statistics = statistics_of(graph, images, tmp_path)
    recipe = local_recipe(graph, statistics)
    assert recipe.layers["one"] == recipe.layers["two"]
    assert len(apply(graph, statistics, recipe).of_type("Quantize")) == 1


def test_one_image_chooses_nothing(tmp_path):
    graph = network()
    for images in (pictures(1, 1), [("the same", image) for _, image in pictures(3, 1)]):
        recipe = local_recipe(graph, statistics_of(graph, images, tmp_path))
        plans = [recipe.layers[name] for name in recipe.with_precision("int8")]
        assert plans and {(plan.alpha, plan.margin) for plan in plans} == {(None, 1.0)}
        assert shifted_recipe(graph, statistics_of(graph, images, tmp_path), recipe) is None
