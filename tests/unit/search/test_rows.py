"""Candidates with weights in blocks on rows: which there are, and how their layers' noise is told."""

from dataclasses import replace

import pytest

from samples import convnext
from samples.convnet import statistics_of
from samples.ncnn import small_network
from zoo.ncnn import group_wise
from zoo.ncnn.graph import Graph
from zoo.ncnn.pair import Pair
from zoo.ncnn.weights import layers_with_weights, weight_count
from zoo.quantize.apply import check_recipe
from zoo.quantize.recipe import Recipe
from zoo.search import rows as searched_rows
from zoo.search.candidates import candidates
from zoo.search.noise import measure_noise
from zoo.search.planning import gemm_recipe, local_recipe
from zoo.search.rows import rows_candidates, with_noise_in_blocks
from zoo.search.sensitivity import LayerSensitivity
from zoo.search.subject import Subject

ON_ROWS = ("a_fc1", "a_fc2", "b_fc1", "b_fc2")


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    folder, graph = tmp_path_factory.mktemp("subject"), convnext.network()
    seen = statistics_of(graph, convnext.pictures(24, 1), folder)
    files = folder / "fp32.param", folder / "fp32.bin"
    return Subject("net", "cpu", Pair.load(*files), seen)


@pytest.fixture(scope="module")
def local(subject) -> Recipe:
    return local_recipe(subject.fp32.graph, subject.statistics)


def measured(graph: Graph, **sqnr: float) -> list[LayerSensitivity]:
    """Layers of these SQNRs, and of 60 dB where nothing is said; int8 is twice as fast."""
    layers = layers_with_weights(graph)
    total = sum(map(weight_count, layers))
    found = []
    for each in layers:
        db = sqnr.get(each.name, 60.0)
        noise, count = 10 ** (-db / 10), weight_count(each)
        found.append(
            LayerSensitivity(each.name, each.type, noise, db, count, count / total, 1.0, 0.1, 0.5, count)
        )
    return found


def blocks(recipe: Recipe) -> dict[str, int]:
    return {name: plan.block for name, plan in recipe.layers.items() if plan.block}


def test_there_are_small_ones_finer_ones_and_some_with_the_noisiest_layers_float(subject, local):
    graph = subject.fp32.graph
    layers = measured(graph, stem=30.0, head=33.0, down=45.0)
    found = rows_candidates(graph, subject.statistics, local, layers)
    few, many = (f"rows-{count}" for count in (1, 2))
    assert set(found) == {"rows-small", few, many, "rows-fine-1", "rows-fine-2"}
    sizes = {name: set(blocks(each).values()) for name, each in found.items()}
    assert sizes == {"rows-small": {128}, few: {64}, many: {64}, "rows-fine-1": {32}, "rows-fine-2": {32}}
    assert set(blocks(found[few])) == {*ON_ROWS, "down", "stem"}, "the head is no convolution"
    assert found[many].layers["stem"].precision == found[many].layers["head"].precision == "fp16"
    assert set(blocks(found["rows-small"])) == set(ON_ROWS), "what is not on rows keeps its form"
    assert {name: each.gelu for name, each in found.items() if each.gelu == "erf"}.keys() == {
        "rows-fine-1",
        "rows-fine-2",
    }
    assert all(each.name == name for name, each in found.items())
    for each in found.values():
        check_recipe(each, graph)


def timed(layers: list[LayerSensitivity], **block_ms: float) -> list[LayerSensitivity]:
    """The layers with times of their form in blocks; those of the other form are .5 ms."""
    return [replace(each, block_ms=block_ms.get(each.name)) for each in layers]


def test_where_some_blocks_are_faster_on_rows_there_is_one_with_these_alone(subject, local):
    graph = subject.fp32.graph
    layers = timed(measured(graph), a_fc1=0.2, a_fc2=0.7, b_fc1=0.6, b_fc2=0.45)
    found = rows_candidates(graph, subject.statistics, local, layers)["rows-fast"]
    assert blocks(found) == {"a_fc1": 128, "a_fc2": 128}, "both convolutions of a block go together"
    check_recipe(found, graph)
    assert found.gelu == "tanh" and found.layers["b_fc1"] == local.layers["b_fc1"]


@pytest.mark.parametrize("block_ms", [{}, dict.fromkeys(ON_ROWS, 0.4), dict.fromkeys(ON_ROWS, 0.6)])
def test_where_all_or_none_are_faster_on_rows_there_is_no_such_one(subject, local, block_ms):
    layers = timed(measured(subject.fp32.graph), **block_ms)
    assert "rows-fast" not in rows_candidates(subject.fp32.graph, subject.statistics, local, layers)


def test_left_to_the_search_they_are_among_the_candidates_of_a_cpu(subject, local):
    layers = measured(subject.fp32.graph, stem=30.0, head=33.0)
    found = candidates(subject, local, layers)
    assert {"local", "rows-small", "rows-fine-1", "fp16"} <= set(found)
    on_gpu = candidates(replace(subject, device="gpu"), local, layers)
    assert not [name for name in on_gpu if name.startswith("rows")]
    without = candidates(subject, local, layers, excluded=["Convolution"])
    assert not [name for name in without if name.startswith("rows")]


def test_an_excluded_convolution_is_float_on_rows(subject, local):
    graph = subject.fp32.graph
    found = rows_candidates(graph, subject.statistics, local, measured(graph), ["b_fc1"])
    assert all("b_fc1" not in blocks(each) and "b_fc2" in blocks(each) for each in found.values())
    assert all(each.layers["b_fc1"].precision == "fp16" for each in found.values())


def test_there_are_none_without_such_convolutions_or_an_ncnn_that_reads_blocks(
    subject, local, tmp_path, monkeypatch
):
    graph = small_network()
    seen = statistics_of(
        graph, [(name, image[:, :8, :8]) for name, image in convnext.pictures(8, 1)], tmp_path
    )
    assert rows_candidates(graph, seen, local_recipe(graph, seen), measured(graph)) == {}
    monkeypatch.setattr(searched_rows, "is_read", lambda: group_wise.is_read("1.0.20260113"))
    graph = subject.fp32.graph
    assert rows_candidates(graph, subject.statistics, local, measured(graph)) == {}


def test_the_noise_in_blocks_is_told_well(subject, local):
    """By local errors, from the noise of another form; to 2 dB a layer, and to one in all."""
    graph, seen = subject.fp32.graph, subject.statistics
    probes = [(image,) for _, image in convnext.pictures(12, 3)]
    of_local = measure_noise(subject, local, probes)
    layers = [replace(each, noise=of_local.by_layer.get(each.name), sqnr_db=60.0) for each in measured(graph)]
    recipe = gemm_recipe(graph, seen, local, 32)
    assert recipe is not None
    told = {each.name: each.noise for each in with_noise_in_blocks(graph, seen, recipe, local, layers)}
    truth = measure_noise(subject, recipe, probes)
    for name in (*ON_ROWS, "stem", "down"):
        assert 0.6 < told[name] / truth.by_layer[name] < 1.6, name
        assert told[name] < of_local.by_layer[name]
    assert told["head"] == of_local.by_layer["head"]
