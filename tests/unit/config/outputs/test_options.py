"""Records of ncnn's options, and what is asked of them."""

import pytest

from samples.zoos import A76
from zoo.config.outputs import options
from zoo.config.zoo import Zoo
from zoo.errors import ZooError


def with_runtime(runtime: dict, **more: object) -> Zoo:
    return Zoo.of({"models": {"one": {"timm": "x", "weights": {"random": 0}}}, "runtime": runtime, **more})


def test_there_is_a_record_of_options_where_they_are_said_or_searched():
    record = ["results/cpu/one/int8.options.json"]
    assert options.records(with_runtime({}), "cpu", "one", "int8") == []
    by_hand = with_runtime({"int8": {"use_sgemm_convolution": False}}, targets=A76)
    assert options.records(by_hand, "cpu", "one", "int8") == record
    assert options.records(by_hand, "cpu", "one", "fp16") == []
    assert options.records(by_hand, "a76", "one", "int8") == ["results/a76/one/int8.options.json"]
    assert options.judgement(by_hand, "cpu", "one") == []
    searched = with_runtime({"search": True}, targets=A76)
    assert options.records(searched, "cpu", "one", "int8") == record
    assert options.judgement(searched, "cpu", "one") == ["results/cpu/one/search/reference.npz"]
    assert options.records(searched, "a76", "one", "int8") == [], "an emulated one is not timed"
    assert options.records(searched, "cpu", "one", "fp32.onnx") == [], "it is not ncnn's"
    board = with_runtime({"search": True}, targets={"pi5": {"ssh": "pi@raspberrypi.local"}})
    assert options.records(board, "pi5", "one", "int8") == ["results/pi5/one/int8.options.json"]
    assert options.judgement(board, "pi5", "one") == ["results/cpu/one/search/reference.npz"]


def test_what_is_asked_of_options_is_plain_and_nothing_is_an_error():
    zoo = with_runtime({"search_threads": True, "int8": {"use_sgemm_convolution": False, "threads": 2}})
    assert options.asked(zoo, "cpu", "one", "int8") == {
        "search": False,
        "search_threads": True,
        "by_hand": {"use_sgemm_convolution": False, "threads": 2},
    }
    with pytest.raises(
        ZooError, match="one: nothing is said of the options of int8 on cpu; say some by hand"
    ):
        options.asked(with_runtime({}), "cpu", "one", "int8")
