"""Which recipes a search tries, and the recipes that a user can name."""

from dataclasses import replace

import numpy as np
import pytest

from samples.artifacts import pair
from samples.ncnn import fed, layer, normal, weight_scales
from zoo.calibration.collect import collect
from zoo.calibration.observers import OBSERVERS
from zoo.config.settings import RECIPES
from zoo.errors import ZooError
from zoo.jobs.records import write_json
from zoo.ncnn.graph import Graph
from zoo.ncnn.pair import Pair
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.table import CalibrationTable, write_table
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.candidates import all_fp16, candidates, from_file, matching, recipe_called, searched
from zoo.search.columns import columns_candidates
from zoo.search.planning import plain_recipe
from zoo.search.sensitivity import LayerSensitivity, Sensitivity
from zoo.search.subject import Subject

SIZES = {"a": 8, "b": 8, "c": 16, "d": 16}


def network() -> Graph:
    """1x1 convolutions a, b, c, d in a row, of 8 x 8, 8 x 8, 16 x 8 and 16 x 16 weights; a depthwise one."""
    draw, blob, channels = normal(0), "in0", 8
    layers = [layer("Input", "in0", "", "in0", {})]
    for name, outputs in SIZES.items():
        params = {0: outputs, 1: 1, 6: outputs * channels}
        layers.append(layer("Convolution", name, blob, name, params, draw))
        blob, channels = name, outputs
    params = {0: 16, 1: 3, 4: 1, 6: 144, 7: 16}
    layers.append(layer("ConvolutionDepthWise", "dw", blob, "out0", params, draw))
    return Graph(tuple(layers))


GRAPH = network()
LOCAL = Recipe(
    "local",
    {name: LayerPlan(alpha=0.5, rounding="gptq") for name in SIZES} | {"dw": LayerPlan("fp16")},
)


def measured(**figures: tuple[float, float, float]) -> list[LayerSensitivity]:
    """By layer name: SQNR in dB, ms in fp32 and in int8."""
    weights = {"a": 10, "b": 64, "c": 128, "d": 256, "dw": 144}
    products = {"a": 8, "b": 8, "c": 300, "d": 300, "dw": 40}
    total = sum(weights.values())
    found = []
    for name, count in weights.items():
        sqnr, ms, int8_ms = figures.get(name, (None, 1.0, None))
        noise = None if sqnr is None else 10 ** (-sqnr / 10)
        found.append(
            LayerSensitivity(
                name, "Convolution", noise, sqnr, count, count / total, ms, ms / 10, int8_ms, products[name]
            )
        )
    return found


# a: noisy, no faster in int8; b: noisy, cheap to keep float; c and d: quiet
LAYERS = measured(a=(20.0, 2.0, 2.1), b=(22.0, 1.0, 0.9), c=(40.0, 3.0, 1.0), d=(45.0, 3.0, 1.0))


def test_layers_become_float_by_noise_for_what_int8_saves():
    recipes = searched(GRAPH, LOCAL, LAYERS)
    assert recipes["local"].layers == LOCAL.layers
    int8 = {name: recipe.with_precision("int8") for name, recipe in recipes.items()}
    assert int8["plain"] == int8["mse"] == int8["nearest"] == ("a", "b", "c", "d")
    assert int8["fast"] == ("b", "c", "d")
    assert int8["local-2"] == ("c", "d")
    assert all(recipe.layers["dw"].precision != "int8" for recipe in recipes.values())
    assert [name for name, recipe in recipes.items() if name != recipe.name] == []


def test_no_candidate_appears_twice_or_is_mostly_float():
    recipes = searched(GRAPH, LOCAL, LAYERS)
    plans = [recipe.layers for recipe in recipes.values()]
    assert all(each not in plans[:index] for index, each in enumerate(plans))
    shares = Sensitivity("m", "cpu", 1, 1.0, "a CPU", False, tuple(LAYERS))
    assert all(shares.int8_shares(recipe)[0] > 0.3 for recipe in recipes.values())


def test_with_gelus_the_refined_candidates_have_them_in_their_tanh_form():
    graph = Graph((*GRAPH.layers, layer("GELU", "gelu", "out0", "out1", {})))
    forms = {name: recipe.gelu for name, recipe in searched(graph, LOCAL, LAYERS).items()}
    assert [name for name, form in forms.items() if form == "erf"] == ["plain", "mse", "nearest", "local"]
    assert {"tanh", "fast", "local-2"} <= set(forms)
    assert "tanh" not in searched(GRAPH, LOCAL, LAYERS)


def test_the_balanced_candidate_stays_nearly_as_small_and_fast():
    even = dict.fromkeys(SIZES, (30.0, 2.0, 1.0)) | {"b": (10.0, 1.0, 0.97)}
    layers = measured(**even)
    assert "balanced" not in searched(GRAPH, LOCAL, layers)  # 64 of 656 weights are too many
    small = measured(**even | {"b": (10.0, 1.0, 1.0)})
    small[1] = LayerSensitivity("b", "Convolution", 0.1, 10.0, 2, 0.003, 1.0, 0.1, 0.97)
    assert searched(GRAPH, LOCAL, small)["balanced"].with_precision("int8") == ("a", "c", "d")


def test_shifts_that_are_not_free_are_a_candidate_beside_the_balanced_one():
    graph = Graph((*GRAPH.layers, layer("GELU", "gelu", "out0", "out1", {})))
    moved = LayerPlan(shift=1.0, rounding="gptq")
    shifted = replace(LOCAL, layers={**LOCAL.layers, "c": moved})
    layers = measured(**dict.fromkeys(SIZES, (30.0, 2.0, 1.0)) | {"b": (10.0, 1.0, 1.0)})
    layers[1] = LayerSensitivity("b", "Convolution", 0.1, 10.0, 2, 0.003, 1.0, 0.1, 0.97)
    assert "shifted" not in searched(graph, LOCAL, layers)
    found = searched(graph, LOCAL, layers, (), shifted)
    balanced, new = found["balanced"], found["shifted"]
    assert new == replace(balanced, name="shifted", layers={**balanced.layers, "c": moved})
    assert new.gelu == "tanh" and new.with_precision("int8") == ("a", "c", "d")
    excluded = searched(graph, LOCAL, layers, ["c"], shifted)
    assert "shifted" not in excluded, "the same as without shifts"


def test_excluded_layers_are_float_in_every_candidate():
    excluded = matching(GRAPH, ["d", "ConvolutionDepthWise"])
    assert excluded == {"d", "dw"}
    assert matching(GRAPH, ["InnerProduct"]) == set(), "said for a whole zoo, it need not be in each model"
    assert all(
        recipe.layers["d"].precision == "fp16" for recipe in searched(GRAPH, LOCAL, LAYERS, excluded).values()
    )
    with pytest.raises(
        ZooError, match="exclude: 'e' is no layer with weights, nor a type of one; layers are: a, "
    ):
        matching(GRAPH, ["e"])
    with pytest.raises(ZooError, match="no layer is left that could be int8"):
        searched(GRAPH, LOCAL, LAYERS, matching(GRAPH, ["Convolution"]))


def test_recipes_by_name():
    assert recipe_called(GRAPH, "local", LOCAL) == LOCAL
    assert recipe_called(GRAPH, "plain", LOCAL) == plain_recipe(GRAPH)
    assert recipe_called(GRAPH, "kl", LOCAL).layers["a"].observer == "kl"
    assert all_fp16(GRAPH).with_precision("int8") == ()
    assert set(RECIPES) == {"auto", "local", "plain", *OBSERVERS}, "what config.yaml takes"
    with pytest.raises(ZooError, match="unknown recipe 'best'; known are auto, local, plain, absmax"):
        recipe_called(GRAPH, "best", LOCAL)


def test_a_recipe_file_is_read_and_a_table_becomes_a_recipe(tmp_path):
    write_json(LOCAL.to_dict(), tmp_path / "mine.json")
    assert from_file(GRAPH, tmp_path / "mine.json") == LOCAL
    scales = weight_scales(GRAPH, ["a", "c"])
    write_table(CalibrationTable(scales, {"a": 10.0, "c": 20.0}), tmp_path / "theirs.table")
    recipe = from_file(GRAPH, tmp_path / "theirs.table")
    assert recipe.name == "theirs" and recipe.with_precision("int8") == ("a", "c")
    again = Recipe.from_dict(recipe.to_dict())
    assert again.table is not None and again.table.activations == {"a": 10.0, "c": 20.0}
    np.testing.assert_array_equal(again.table.weights["c"], scales["c"])
    assert recipe.floating(["a"]).with_precision("int8") == ("c",)
    assert list(recipe.floating(["a"]).table.weights) == ["c"]
    (tmp_path / "fp16.table").write_bytes((tmp_path / "theirs.table").read_bytes())
    (tmp_path / "of ncnn.table").write_bytes((tmp_path / "theirs.table").read_bytes())
    names = [from_file(GRAPH, tmp_path / f"{name}.table").name for name in ("fp16", "of ncnn")]
    assert names == ["fp16-pinned", "of-ncnn"], "fit for file names, and not that of a reference"
    with pytest.raises(ZooError, match="no such file"):
        from_file(GRAPH, tmp_path / "none.table")


# What a configuration asks for


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    files = pair(GRAPH, tmp_path_factory.mktemp("model"))
    runner, draw = NcnnRunner(*files, "cpu", 1, precision="fp32"), normal(3)
    images = [(str(number), draw(8 * 64).reshape(8, 8, 8)) for number in range(4)]
    return Subject("m", "cpu", Pair(GRAPH, *files), collect(GRAPH, runner, fed(images)))


def test_left_to_the_search_its_recipes_are_tried_and_fp16(subject):
    found = candidates(subject, LOCAL, LAYERS)
    in_blocks = columns_candidates(GRAPH, subject.statistics, LOCAL, LAYERS)
    assert found == searched(GRAPH, LOCAL, LAYERS) | in_blocks | {"fp16": all_fp16(GRAPH)}
    assert in_blocks, "its convolutions of one pixel can be Gemm"
    without_a = candidates(subject, LOCAL, LAYERS, excluded=["a"])
    assert all(recipe.layers["a"].precision != "int8" for recipe in without_a.values())


def test_a_recipe_by_name_is_the_only_one_beside_fp16(subject, tmp_path):
    found = candidates(subject, LOCAL, LAYERS, "mse", ["d"])
    assert list(found) == ["mse", "fp16"] and found["mse"].with_precision("int8") == ("a", "b", "c")
    write_json(LOCAL.to_dict(), tmp_path / "mine.json")
    assert list(candidates(subject, LOCAL, LAYERS, str(tmp_path / "mine.json"))) == ["local", "fp16"]


def test_a_recipe_that_the_model_or_its_device_cannot_have_is_refused(subject):
    with pytest.raises(ZooError, match="unknown recipe 'best'"):
        candidates(subject, LOCAL, LAYERS, "best")
    short = Recipe("local", {"a": LayerPlan()})
    with pytest.raises(ZooError, match="becomes of layer b"):
        candidates(subject, short, LAYERS, "local")
