"""The chart of a search."""

import pytest

from samples.page import Page
from samples.report import card, search
from zoo.report.page import render_html
from zoo.report.records import ModelRecords


def figure_of(measure="sqnr_db", **changes):
    model = ModelRecords(card("net"), search=[search("net", **changes)])
    return Page(render_html([], [model])).figures[f"search-model-net-cpu-{measure}"]


def trace(figure, name):
    return next(each for each in figure["data"] if each["name"] == name)


def test_a_search_is_drawn_with_its_front_choice_target_and_references():
    figure = figure_of(target={"min_sqnr_db": 40, "min_speedup": 1.25})
    assert sum(len(trace(figure, name)["x"]) for name in ("int8", "int8, misses the target")) == 4
    assert trace(figure, "front")["y"] == [46.1, 47.3], "the quickest, and those better than all as quick"
    assert trace(figure, "chosen")["y"] == [46.1]
    assert trace(figure, "chosen")["x"] == [pytest.approx(0.585)]
    assert sorted(trace(figure, "int8, misses the target")["y"]) == [36.6, 38.2]
    assert min(trace(figure, "int8, misses the target")["marker"]["opacity"]) < 0.5, "not on the front"
    labels = {label["text"]: label for label in figure["layout"]["annotations"]}
    assert set(labels) == {"target", "fp32", "fp16, 68.2 dB"}
    lines = figure["layout"]["shapes"]
    assert [line.get("y0") for line in lines[:1]] == [40]
    assert [line["x0"] for line in lines[1:]] == [pytest.approx(x) for x in (0.8, 1.0, 0.98)]


def test_references_are_points_where_the_measure_knows_them():
    figure = figure_of("agreement")
    assert trace(figure, "fp32")["y"] == [100]
    assert trace(figure, "fp16")["x"] == [pytest.approx(0.98)]
    assert figure["layout"]["shapes"] == []


def test_a_drop_is_drawn_upside_down_and_limits_the_agreement_without_labels():
    target = {"max_top1_drop": 0.3}
    figure = figure_of("top1_drop", target=target)
    low, high = figure["layout"]["yaxis"]["range"]
    assert low > high
    assert trace(figure, "front")["y"] == [0.0], "none is better than no drop"
    assert [line["y0"] for line in figure["layout"]["shapes"]] == [0.3]
    assert figure_of("agreement", target=target)["layout"]["shapes"] == []
    unlabelled = figure_of("agreement", target=target, labelled=False)
    assert [line["y0"] for line in unlabelled["layout"]["shapes"]] == [pytest.approx(99.7)]
