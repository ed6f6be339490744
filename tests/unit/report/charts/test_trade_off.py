"""The chart of accuracy over latency."""

from samples.report import LAVAPIPE


def test_the_plot_shows_each_row_that_has_both_figures(built, page):
    _, table, _ = built
    for choice, figure in page.figures["trade-off"].items():
        device, measure, latency = choice.split("|")
        mine = [row for row in table if row.device == device]
        both = [row for row in mine if None not in (getattr(row, measure), getattr(row, latency))]
        markers = [trace for trace in figure["data"] if trace["mode"] == "markers"]
        assert sum(len(trace["x"]) for trace in markers) == len(both)
        assert (f"{len(mine) - len(both)} of {len(mine)}" in figure["note"]) == (len(mine) > len(both))
        assert (LAVAPIPE in figure["note"]) == (device == "gpu")
    figure = page.figures["trade-off"]["cpu|agreement|latency_1_ms"]
    sizes = {trace["name"]: trace["marker"]["size"] for trace in figure["data"] if trace["mode"] == "markers"}
    small, large = sizes["int8"][0], sizes["fp32"][1]
    assert small < large
