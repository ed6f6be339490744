"""Candidates with weights in blocks on columns: which layers have them, and what they may cost."""

from dataclasses import replace

import numpy as np
import pytest

from samples import convnet, convnext
from samples.convnet import distance, statistics_of
from zoo.ncnn import group_wise
from zoo.ncnn.pair import Pair
from zoo.ncnn.weights import layers_with_weights, weight_count
from zoo.quantize.apply import apply, check_recipe
from zoo.quantize.recipe import Recipe
from zoo.search import columns as searched
from zoo.search.candidates import candidates
from zoo.search.columns import columns_candidates, noisiest, within_slack
from zoo.search.noise import measure_noise
from zoo.search.planning import column_plans, columns_recipe, layer_error, local_recipe
from zoo.search.rows import with_noise_in_blocks
from zoo.search.sensitivity import LayerSensitivity
from zoo.search.subject import Subject

GRAPH = convnet.network()
CAN = {"fc1", "fc2", "head"}


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    folder = tmp_path_factory.mktemp("subject")
    seen = statistics_of(GRAPH, convnet.pictures(24, 1), folder)
    return Subject("net", "cpu", Pair.load(folder / "fp32.param", folder / "fp32.bin"), seen)


@pytest.fixture(scope="module")
def local(subject) -> Recipe:
    return local_recipe(GRAPH, subject.statistics)


def measured(
    fp32: float = 1.0, int8: float = 0.5, block: float | None = 0.5, **db: float
) -> list[LayerSensitivity]:
    """Layers of these times in ms, and of these SQNRs, 60 dB where nothing is said."""
    layers = layers_with_weights(GRAPH)
    total = sum(map(weight_count, layers))
    found = []
    for each in layers:
        count, sqnr = weight_count(each), db.get(each.name, 60.0)
        found.append(
            LayerSensitivity(
                *(each.name, each.type, 10 ** (-sqnr / 10), sqnr, count, count / total, fp32, 0.2, int8),
                multiply_adds=count,
                block_ms=block if each.name in CAN else None,
            )
        )
    return found


def blocks(recipe: Recipe) -> set[str]:
    return {name for name, plan in recipe.layers.items() if plan.block}


def test_layers_have_blocks_where_their_predicted_error_is_less(subject, local):
    seen = subject.statistics
    plans = column_plans(GRAPH, seen, local)
    assert set(plans) == CAN
    recipe = columns_recipe(GRAPH, seen, local, 32, plans)
    for name in CAN:
        tried = replace(plans[name], block=32)
        before = replace(local.layers[name], rounding=tried.rounding)
        less, more = (
            layer_error(GRAPH, seen, name, plan).predicted(plan.alpha or 0.0, plan.margin)
            for plan in (tried, before)
        )
        assert recipe.layers[name] == (tried if less < 0.8 * more else local.layers[name])
    assert blocks(recipe)


def test_a_head_whose_input_was_seen_once_an_image_is_rounded_to_nearest(subject, local):
    plans = column_plans(GRAPH, subject.statistics, local)
    assert (plans["head"].rounding, plans["head"].alpha) == ("nearest", None)
    assert plans["fc1"].rounding == "gptq"


def test_an_input_in_blocks_is_not_better_than_one_that_uses_both_signs_of_a_known_range(subject, local):
    """A centred input spread evenly over its range has errors of one size in either form."""
    seen = subject.statistics
    even = np.linspace(0, 6, 4001, dtype=np.float32)
    sample = np.random.default_rng(0).choice(even, (512, 8))
    columns = replace(seen.columns["fc1"], sample=sample, priority=np.arange(512, dtype=np.uint64), count=512)
    covariance = np.cov(sample.T.astype(float), bias=True) + np.outer(sample.mean(0), sample.mean(0))
    columns = replace(columns, total=sample.sum(0, dtype=float), products=covariance * 512)
    blob = replace(
        seen.inputs["fc1"], absmax=np.full(8, 6, np.float32), halves=np.full((2, 8), 6, np.float32)
    )
    evenly = replace(
        seen, inputs={**seen.inputs, "fc1": blob}, columns={**seen.columns, "fc1": columns}, fingerprint=None
    )
    centred = replace(
        local,
        layers={**local.layers, "fc1": replace(local.layers["fc1"], shift=3.0, margin=1.0, alpha=None)},
    )
    recipe = columns_recipe(GRAPH, evenly, centred, 32, column_plans(GRAPH, evenly, centred))
    assert "fc1" not in blocks(recipe)


def test_there_are_small_ones_and_such_with_the_noisiest_layers_float(subject, local, tmp_path):
    layers = measured(stem=30.0, head=33.0)
    found = columns_candidates(GRAPH, subject.statistics, local, layers)
    assert all(each.name == name for name, each in found.items())
    small = [each for name, each in found.items() if name.startswith("columns-small")]
    fine = next(each for name, each in found.items() if name.startswith("columns-fine"))
    assert small and {plan.block for each in small for plan in each.layers.values()} == {None, 128}
    assert {plan.block for plan in fine.layers.values()} == {None, 32}
    for each in found.values():
        check_recipe(each, GRAPH, subject.statistics)
    plain = distance(apply(GRAPH, subject.statistics, local), tmp_path)
    assert distance(apply(GRAPH, subject.statistics, fine), tmp_path) > plain + 1


def test_small_ones_stay_small_fast_and_mostly_int8(subject, local):
    seen = subject.statistics
    recipe = columns_recipe(GRAPH, seen, local, 128, column_plans(GRAPH, seen, local))
    gaining = blocks(recipe)

    def small(layers: list[LayerSensitivity]) -> Recipe:
        return within_slack(
            local, layers, recipe, with_noise_in_blocks(GRAPH, seen, recipe, local, layers), 1.02
        )

    as_fast = small(measured())
    assert blocks(as_fast) == gaining
    slow = small(measured(block=2.0))
    assert not blocks(slow), "each would take more than a fiftieth of the time"
    assert slow.with_precision("int8") != (), "and the whole is not float either"


def test_float_are_those_with_most_noise_for_their_multiply_adds(subject, local):
    layers = [replace(each, multiply_adds=100 if each.name == "head" else 1000) for each in measured()]
    assert noisiest(local, layers) == ["head"]
    dear = [replace(each, multiply_adds=1000) for each in layers]
    assert noisiest(local, dear) == [], "a fifth of the multiply-adds is too much"


def test_they_are_among_the_candidates_of_a_cpu_only(subject, local):
    found = candidates(subject, local, measured(stem=30.0))
    assert [name for name in found if name.startswith("columns")] and "local" in found
    on_gpu = candidates(replace(subject, device="gpu"), local, measured())
    assert not [name for name in on_gpu if name.startswith("columns")]
    without = columns_candidates(GRAPH, subject.statistics, local, measured(), sorted(CAN))
    assert without == {}


def test_there_are_none_for_a_convnext_or_an_ncnn_that_does_not_read_blocks(
    subject, local, tmp_path, monkeypatch
):
    monkeypatch.setattr(searched, "is_read", lambda: group_wise.is_read("1.0.20260113"))
    assert columns_candidates(GRAPH, subject.statistics, local, measured()) == {}
    monkeypatch.undo()
    graph = convnext.network()
    seen = statistics_of(graph, convnext.pictures(8, 1), tmp_path)
    assert columns_candidates(graph, seen, local_recipe(graph, seen), []) == {}


def test_the_noise_in_blocks_is_told_well(subject, local):
    """By local errors, from the noise of another form, to 2 dB a layer."""
    seen, probes = subject.statistics, [(image,) for _, image in convnet.pictures(24, 3)]
    of_local = measure_noise(subject, local, probes)
    layers = [replace(each, noise=of_local.by_layer.get(each.name), sqnr_db=60.0) for each in measured()]
    recipe = columns_recipe(GRAPH, seen, local, 32, column_plans(GRAPH, seen, local))
    told = {each.name: each.noise for each in with_noise_in_blocks(GRAPH, seen, recipe, local, layers)}
    truth = measure_noise(subject, recipe, probes)
    for name in blocks(recipe) & {"fc1", "fc2"}:
        assert 0.6 < told[name] / truth.by_layer[name] < 1.6, name
