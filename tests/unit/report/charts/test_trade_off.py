"""The chart of fidelity over latency."""

from dataclasses import replace

from samples.report import LAVAPIPE
from zoo.report.charts.trade_off import trade_off


def markers(panel):
    return [trace for trace in panel["data"] if trace["mode"] == "markers"]


def test_the_plot_shows_each_row_that_has_both_figures(built, page):
    _, table, _ = built
    for choice, figure in page.figures["trade-off"].items():
        device, measure, latency = choice.split("|")
        mine = [row for row in table if row.device == device]
        both = [row for row in mine if None not in (getattr(row, measure), getattr(row, latency))]
        assert set(figure["panels"]) == {row.model for row in both}
        for model, panel in figure["panels"].items():
            shown = sum(len(trace["x"]) for trace in markers(panel))
            assert shown == sum(row.model == model for row in both)
        assert (f"{len(mine) - len(both)} of {len(mine)}" in figure["note"]) == (len(mine) > len(both))
        assert (LAVAPIPE in figure["note"]) == (device == "gpu")
    panel = page.figures["trade-off"]["cpu|sqnr_db|latency_1_ms"]["panels"]["tf_efficientnet_lite0"]
    sizes = {trace["name"]: trace["marker"]["size"] for trace in markers(panel)}
    assert sizes["int8"] < sizes["fp32"]


def test_a_time_in_doubt_is_pale(built):
    _, table, _ = built
    rows = [row for row in table if (row.model, row.device) == ("convnext_digits", "cpu")]
    doubtful = [replace(row, doubt_1="no") if row.artifact == "int8" else row for row in rows]
    (panel,) = trade_off(doubtful, "cpu", "sqnr_db", "latency_1_ms")["panels"].values()
    paleness = {trace["name"]: trace["marker"]["opacity"] for trace in markers(panel)}
    assert paleness["int8"][0] < paleness["fp32"][0]
    texts = {trace["name"]: trace["text"] for trace in markers(panel)}
    assert "in doubt" in texts["int8"][0] and "in doubt" not in texts["fp32"][0]
