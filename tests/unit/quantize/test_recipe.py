"""Recipes as data: what is refused, and that nothing is lost on the way through JSON."""

import json
from dataclasses import replace

import pytest

from zoo.errors import ZooError
from zoo.quantize.recipe import LayerPlan, Recipe

RECIPE = Recipe(
    "auto",
    {
        "stem": LayerPlan("fp16"),
        "fc1": LayerPlan(margin=1.1, alpha=0.75, rounding="gptq"),
        "fc2": LayerPlan(shift=3.0, bias_correction=False),
        "fc3": LayerPlan(observer="percentile", percent=99.9),
        "head": LayerPlan(alpha=1.0, through="norm"),
    },
)


def test_a_recipe_survives_json():
    assert Recipe.from_dict(json.loads(json.dumps(RECIPE.to_dict()))) == RECIPE


def test_the_form_of_gelu_survives_json_and_is_written_where_it_is_not_the_model_s_own():
    tanh = replace(RECIPE, gelu="tanh")
    assert Recipe.from_dict(json.loads(json.dumps(tanh.to_dict()))) == tanh
    assert tanh.floating(["fc1"]).gelu == "tanh"
    assert "gelu" not in RECIPE.to_dict()
    with pytest.raises(ZooError, match="unknown gelu 'cosh'; known: erf, tanh"):
        Recipe.from_dict(RECIPE.to_dict() | {"gelu": "cosh"})


def test_only_what_differs_from_the_defaults_is_written():
    assert RECIPE.to_dict()["layers"]["fc3"] == {
        "precision": "int8",
        "observer": "percentile",
        "percent": 99.9,
    }
    assert RECIPE.to_dict()["layers"]["stem"] == {"precision": "fp16"}


def test_layers_are_found_by_precision():
    assert RECIPE.with_precision("int8") == ("fc1", "fc2", "fc3", "head")
    assert RECIPE.with_precision("fp32") == ()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"precision": "int4"}, "unknown precision 'int4'; known: int8, fp16, fp32"),
        ({"rounding": "up"}, "unknown rounding 'up'"),
        ({"through": "hope"}, "unknown through 'hope'"),
        ({"margin": 0.0}, "a margin must be above 0"),
        ({"margin": float("nan")}, "a margin must be above 0"),
        ({"alpha": 1.5}, "alpha must be from 0 to 1"),
        ({"observer": "mse", "alpha": 0.5}, "the observer mse knows the input as a whole"),
        ({"observer": "kl", "shift": 3.0}, "the observer kl knows the input as a whole"),
        ({"through": "norm", "shift": 3.0}, "cannot be shifted as well"),
        ({"alhpa": 0.5}, "unknown alhpa"),
        ({"block": "64"}, "Expected `int | null`, got `str`"),
        ({"block": 64, "bits": 5}, "weights have 8 bits, in blocks any of"),
        ({"bits": 4}, "weights have 8 bits, in blocks any of"),
        ({"margin": None}, "Expected `float`, got `null`"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_its_layer(plan, message):
    values = {"format": 1, "name": "x", "layers": {"fc1": plan}}
    with pytest.raises(ZooError, match=f"layer fc1: .*{message}"):
        Recipe.from_dict(values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        None,
        [],
        {"format": 2, "name": "x", "layers": {}},
        {"format": 1, "name": "x", "layers": []},
        {"format": 1, "name": "x", "layers": {"fc1": 8}},
        {"format": 1, "name": ["x"], "layers": {}},
        {"format": 1, "name": "x", "layers": {}, "table": {}},
        {"format": 1, "name": "x", "layers": {}, "gelu": 1},
        {"format": 1, "name": "x", "layers": {}, "more": 1},
    ],
)
def test_what_is_no_recipe_is_refused(values):
    with pytest.raises(ZooError, match="not an int8 recipe"):
        Recipe.from_dict(values)
