"""An InnerProduct on a vector as a row: what ncnn computes stays, and as a Gemm in blocks nearly."""

import numpy as np
import pytest

from samples import convnet
from samples.convnet import statistics_of
from samples.ncnn import check_graph, layer, normal, run
from zoo.calibration.statistics import CalibrationStatistics
from zoo.ncnn.graph import Graph
from zoo.quantize.apply import apply
from zoo.quantize.forms.vectors import as_row, reads_vector
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.search.candidates import all_fp16


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> CalibrationStatistics:
    return statistics_of(convnet.network(), convnet.pictures(8, 1), tmp_path_factory.mktemp("seen"))


def product() -> Graph:
    """An InnerProduct of 48 values."""
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("InnerProduct", "x", "in0", "out0", num_output=7, bias_term=1, weight_data_size=48 * 7),
        )
    )


@pytest.mark.parametrize("shape", [(48,), (3, 4, 4), (16, 1, 3), (48, 1, 1)])
def test_ncnn_computes_the_same_of_a_vector_and_of_any_other_blob(shape, tmp_path):
    graph, image = product(), normal(2)(48).reshape(shape)
    other = as_row(graph, ["x"])
    assert check_graph(other) == []
    expected, got = run(graph, image, tmp_path), run(other, image, tmp_path)
    assert got.shape == expected.shape == (7,)
    assert np.abs(got - expected).max() < 2e-6 * np.abs(expected).max()


def test_others_are_left_alone():
    graph = product()
    assert as_row(graph, ["y"]).layers == graph.layers


def test_only_an_inner_product_of_one_vector_reads_one(seen):
    graph = convnet.network()
    assert [each.name for each in graph.layers if reads_vector(each, seen)] == ["head"]


def test_a_head_in_blocks_is_int8_and_answers_nearly_the_same(seen, tmp_path):
    graph = convnet.network()
    plans = {**all_fp16(graph).layers, "head": LayerPlan(block=32, bias_correction=False)}
    made = apply(graph, seen, Recipe("head", plans))
    assert made["head"].type == "Gemm" and made["head"].inputs == ("head_in_row",)
    assert check_graph(made) == []
    assert convnet.distance(made, tmp_path) > 40
