"""Which blobs of an int8 model differ from the fp32 model's on purpose."""

from samples.convnet import network, pictures, statistics_of
from samples.ncnn import layer
from zoo.ncnn.graph import Graph
from zoo.quantize.apply import apply
from zoo.quantize.moved import moved_blobs
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.table import CalibrationTable


def recipe_with(**plans: LayerPlan) -> Recipe:
    names = ("stem", "dw", "fc1", "fc2", "head")
    return Recipe("mixed", dict.fromkeys(names, LayerPlan("fp16")) | plans)


def test_a_shift_moves_what_its_layer_reads_by_what_is_taken_off(tmp_path):
    statistics = statistics_of(network(), pictures(4, 1), tmp_path)
    recipe = recipe_with(fc1=LayerPlan(shift=3.0), fc2=LayerPlan(alpha=0.75))
    quantized = apply(network(), statistics, recipe)
    assert moved_blobs(quantized, recipe) == {"2": 3.0}, "of the clip that moved, for `fc1`, and no other"


def test_nothing_moves_without_a_plan_that_moves():
    assert moved_blobs(network(), recipe_with(fc1=LayerPlan())) == {}
    assert moved_blobs(network(), Recipe("table", {}, table=CalibrationTable({}, {}))) == {}


def test_a_layer_that_the_file_has_no_more_moved_nothing():
    graph = Graph((layer("Input", "in", "", "0"),))
    assert moved_blobs(graph, recipe_with(fc1=LayerPlan(shift=3.0))) == {}
