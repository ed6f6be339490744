"""Settings: the defaults, and how a model's lie over the zoo's."""

from dataclasses import replace

import pytest

from zoo.config.artifacts import PRECISIONS
from zoo.config.settings import (
    DEFAULT_GATES,
    Gates,
    Int8,
    OnnxInt8,
    Runtime,
    Settings,
    Target,
    Vendor,
    overlay,
)
from zoo.errors import ZooError
from zoo.ncnn.options import Options


@pytest.mark.parametrize(
    ("base", "own", "merged"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": None}}}, {"a": {"b": {"d": 2}}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
    ],
)
def test_what_lies_over_something_replaces_it_key_by_key_at_every_depth(base: dict, own: dict, merged: dict):
    before = repr(base)
    assert overlay(base, own) == merged
    assert repr(base) == before


def test_one_gate_of_a_model_leaves_the_zoos_others():
    zoo = {"gates": {"fp32": {"min_cosine": 0.99}, "int8": {"min_cosine": 0.9, "min_top1_agreement": 0.95}}}
    gates = Settings.of(zoo, {"gates": {"int8": {"min_cosine": 0.98}}}).gates
    assert gates["int8"] == replace(DEFAULT_GATES["int8"], min_cosine=0.98, min_top1_agreement=0.95)
    assert gates["fp32"] == replace(DEFAULT_GATES["fp32"], min_cosine=0.99)
    assert gates["fp16"] == DEFAULT_GATES["fp16"]


@pytest.mark.parametrize("zoo", [{}, {"gates": {}}, {"gates": None}, {"gates": {"int8": {}}}])
@pytest.mark.parametrize("own", [{}, {"gates": {}}, {"gates": None}])
def test_where_nothing_is_said_of_gates_there_are_some(zoo: dict, own: dict):
    assert Settings.of(zoo, own).gates == DEFAULT_GATES == Settings().gates
    assert set(DEFAULT_GATES) == set(PRECISIONS)
    assert all(gates.min_sqnr_db is not None for gates in DEFAULT_GATES.values()), "a cosine sees no factor"


def test_null_takes_a_gate_away_and_no_other():
    zoo = {"gates": {"fp16": {"min_cosine": 0.5}}}
    gates = Settings.of(zoo, {"gates": {"int8": {"min_top1_agreement": None}}}).gates
    assert gates["int8"] == replace(DEFAULT_GATES["int8"], min_top1_agreement=None)
    assert set(Settings.of(zoo, {"gates": {"int8": None}}).gates) == set(PRECISIONS) - {"int8"}
    assert Settings.of(zoo, {"gates": None}).gates == DEFAULT_GATES, (
        "the zoo's are away, and the defaults hold"
    )


def test_there_are_no_gates_only_where_that_is_said():
    assert Settings.of({}, {"gates": "none"}).gates == {}
    assert Settings.of({"gates": "none"}, {}).gates == {}
    own = {"gates": {"int8": {"min_cosine": 0.98}}}
    assert Settings.of({"gates": "none"}, own).gates == {"int8": Gates(min_cosine=0.98)}


def test_what_is_chosen_for_int8_is_locked_only_when_asked_for():
    assert not Settings.of({}).int8.lock
    assert Settings.of({"int8": {"lock": True}}).int8.lock
    assert not Settings.of({"int8": {"lock": True}}, {"int8": {"lock": False}}).int8.lock


def test_a_models_int8_lies_over_the_zoos_at_every_depth():
    zoo = {"int8": {"recipe": "local", "shards": 4, "target": {"min_sqnr_db": 40, "min_speedup": 1.3}}}
    own = {"int8": {"exclude": ["Gemm"], "target": {"min_speedup": None, "max_top1_drop": 1}}}
    expected = Int8("local", ("Gemm",), 4, Target(min_sqnr_db=40, max_top1_drop=1))
    assert Settings.of(zoo, own).int8 == expected
    assert Settings.of(zoo, {"int8": {"recipe": None}}).int8.recipe == "auto"


def test_nothing_said_gives_the_defaults():
    assert Settings.of({}, {}) == Settings()
    assert Settings().onnx_int8 == OnnxInt8("minmax", 99.999, False, "uint8", ())
    assert (Settings().opset, Settings().vendor, Settings().artifacts) == (17, Vendor("float32"), None)


def test_lists_and_numbers_of_a_model_replace_the_zoos():
    zoo = {"opset": 13, "artifacts": ["fp32"], "onnx_int8": {"exclude": ["a"], "weights": "int7"}}
    settings = Settings.of(zoo, {"artifacts": ["int8"], "onnx_int8": {"exclude": []}, "opset": None})
    assert (settings.artifacts, settings.opset) == (("int8",), 17)
    assert settings.onnx_int8 == OnnxInt8(weights="int7")


def test_other_keys_of_an_entry_are_no_settings():
    assert Settings.of({"devices": "auto", "models": {}}, {"timm": "resnet18"}) == Settings()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"int8": {"colour": 1}}, "int8: unknown colour; it takes recipe, exclude, shards, target"),
        ({"int8": {"target": {"fast": 1}}}, "int8: target: unknown fast"),
        ({"gates": {"int8": {"cosine": 1}}}, r"gates: int8: unknown cosine; did you mean min_cosine\?"),
        ({"onnx_int8": {"method": 1}}, "onnx_int8: unknown method"),
        ({"vendor": {"name": 1}}, "vendor: unknown name"),
    ],
)
def test_an_unknown_key_is_named_with_its_place(entry: dict, message: str):
    with pytest.raises(ZooError, match=message):
        Settings.of({}, entry)


def test_a_recipe_is_pinned_by_a_file():
    assert Int8("calib/fixed.recipe.json").pinned == "calib/fixed.recipe.json"
    assert Int8("made.table").pinned == "made.table"
    assert Int8("local").pinned is None


def test_what_recipes_are_tried_depends_on_no_target():
    one, other = Int8(target=Target(min_speedup=1.3)), Int8(shards=4)
    assert one.choice() == other.choice() == {"recipe": "auto", "exclude": []}


def test_options_of_a_model_lie_over_the_zoos_key_by_key():
    zoo = {"runtime": {"search": True, "int8": {"use_sgemm_convolution": False, "threads": 2}}}
    own = {"runtime": {"search": None, "int8": {"threads": 4}, "fp16": {"use_fp16_arithmetic": False}}}
    assert Settings.of(zoo, own).runtime == Runtime(
        by_hand={
            "fp16": Options({"use_fp16_arithmetic": False}),
            "int8": Options({"use_sgemm_convolution": False}, 4),
        }
    )
    assert Settings.of(zoo).runtime.searches and not Settings.of(zoo, own).runtime.searches


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            {"int4": {}},
            r"unknown int4; did you mean int8\?",
        ),
        ({"fp32.onnx": {}}, "runtime: unknown fp32.onnx"),
        ({"int8": {"use_warp": True}}, "runtime: int8: options of ncnn: unknown use_warp; it takes use_wino"),
        ({"int8": {"threads": 0}}, "runtime: int8: threads are 1 to 1024, not 0"),
    ],
)
def test_options_that_there_are_not_are_refused_by_name(said: dict, fault: str):
    with pytest.raises(ZooError, match=fault):
        Settings.of({"runtime": said})


@pytest.mark.parametrize("plan", ["auto", True, False])
def test_masks_are_planned_on_targets_unless_something_else_is_said(plan: bool | str):
    fp16 = Settings.of({"fp16": {"plan": plan}}).fp16
    assert fp16.planned(on_target=True) == (plan is not False)
    assert fp16.planned(on_target=False) == (plan is True)
    assert Settings.of({}).fp16.planned(on_target=True)
