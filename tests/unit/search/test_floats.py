"""Which layers stay float: the noisiest for what int8 saves, within the slack of size and time."""

from dataclasses import replace

import pytest

from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.search.floats import SLACK_SIZE, by_worth, fitting, is_mostly_int8, prefixes, time_saved
from zoo.search.sensitivity import LayerSensitivity


def layer(name: str, db: float | None, share: float, ms: float, int8_ms: float | None) -> LayerSensitivity:
    noise = None if db is None else 10 ** (-db / 10)
    return LayerSensitivity(name, "Convolution", noise, db, 1, share, ms, ms / 10, int8_ms, 100)


NAMES = tuple(f"l{number}" for number in range(20))
LAYERS = [layer(name, 40.0, 0.05, 1.0, 0.5) for name in NAMES]
RECIPE = Recipe("local", {name: LayerPlan() for name in NAMES})


def test_the_time_that_int8_saves_is_a_share_of_all():
    assert time_saved(LAYERS[0], LAYERS) == pytest.approx(0.5 / 20)
    assert time_saved(layer("x", None, 0.1, 1.0, None), LAYERS) == 0


def test_noise_counts_for_what_int8_saves():
    noisy, small = replace(LAYERS[3], sqnr_db=35.0), replace(LAYERS[5], weight_share=1e-3, int8_ms=1.0)
    layers = [noisy if each.name == "l3" else small if each.name == "l5" else each for each in LAYERS]
    assert by_worth(RECIPE, layers)[:2] == ["l5", "l3"]
    assert "l5" not in by_worth(RECIPE.floating(["l5"]), layers)


def test_as_many_fit_as_the_slack_of_size_has_room_for():
    layers = [replace(each, weight_share=0.0099, int8_ms=each.time_ms, multiply_adds=1) for each in LAYERS]
    layers[0] = replace(layers[0], weight_share=0.8119, multiply_adds=1000)
    assert fitting(RECIPE, layers, NAMES) == list(NAMES[1 : 1 + round(100 * (SLACK_SIZE - 1))])


def test_scales_of_blocks_take_the_room_of_float_layers_where_it_is_to_stay_as_small():
    layers = [replace(each, weight_share=0.0099, int8_ms=each.time_ms, multiply_adds=1) for each in LAYERS]
    layers[0] = replace(layers[0], weight_share=0.8119, multiply_adds=1000)
    blocks = {name: LayerPlan(block=128) for name in NAMES}
    in_blocks = replace(RECIPE, layers=blocks)
    order = NAMES[1:]
    assert len(fitting(in_blocks, layers, order)) == len(fitting(RECIPE, layers, order)) > 1
    assert len(fitting(in_blocks, layers, order, RECIPE)) == 0
    partly = replace(RECIPE, layers={**RECIPE.layers, **{name: blocks[name] for name in NAMES[1:]}})
    assert 0 < len(fitting(partly, layers, order, RECIPE)) < len(fitting(partly, layers, order)) + 1


def test_each_further_part_has_two_decibels_less():
    layers = [replace(each, noise=2.0**-n, sqnr_db=3 * n) for n, each in enumerate(LAYERS)]
    parts = list(prefixes(RECIPE, layers, NAMES))
    assert [len(part) for part in parts][:3] == [1, 2, 3] and len(parts[-1]) <= len(NAMES) // 2


def test_mostly_int8_is_85_of_100_multiply_adds():
    assert is_mostly_int8(RECIPE, LAYERS, NAMES[:3]) and not is_mostly_int8(RECIPE, LAYERS, NAMES[:4])
    half = RECIPE.floating(NAMES[:10])
    assert is_mostly_int8(half, LAYERS, []) and not is_mostly_int8(half, LAYERS, NAMES[10:12])
