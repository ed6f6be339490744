"""The chart of layers: gaps, broken layers, and the one that diverges first."""

from dataclasses import replace

from samples.page import Page
from samples.report import card, verification
from zoo.report.page import render_html
from zoo.report.records import ModelRecords
from zoo.report.row import rows


def test_exact_layers_are_gaps_and_broken_ones_stay_on_the_chart():
    record = verification("net")
    layers = list(record.divergence.layers)
    layers[5] = replace(layers[5], sqnr_db=-200.0)
    record = replace(record, divergence=replace(record.divergence, layers=tuple(layers)))
    model = ModelRecords(card("net"), [record])
    figure = Page(render_html(rows([model]), [model])).figures["depth-model-net-cpu"]
    (line,) = figure["data"]
    assert line["y"][:2] == [None, None]
    assert line["y"][5] == -20
    assert "not a number" in line["text"][5]


def test_the_first_diverging_layer_is_named(built, page):
    failed = next(record for record in built[0][1].verify if not record.verdict.passed)
    first = failed.divergence.first
    assert f"{first.layer} ({first.type})" in page.text
    (name,) = [name for name in page.figures if name == "depth-model-tf_efficientnet_lite0-gpu"]
    (ring,) = [trace for trace in page.figures[name]["data"] if "first to diverge" in trace["name"]]
    layers = failed.divergence.layers
    assert ring["x"] == [1 + layers.index(first)]
    assert ring["y"] == [first.sqnr_db]
