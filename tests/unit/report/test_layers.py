"""Layers as bars."""

from dataclasses import replace

import pytest

from samples.page import Page, texts
from samples.report import card, sensitivity
from zoo.report.findings import remarks
from zoo.report.formats import DASH
from zoo.report.page import render_html
from zoo.report.records import ModelRecords


def test_every_layer_has_bars_for_sensitivity_time_and_weights():
    record = sensitivity("net", "gpu", 6)
    page = Page(render_html([], [ModelRecords(card("net"), sensitivity=[record])]))
    found = [cells for _, cells in page.rows if cells and "".join(cells[0][1]).startswith("conv_")]
    assert len(found) == 6
    plans = [texts(row)[-1] for row in page.rows if texts(row)[0].startswith("conv_")]
    assert plans == [
        *("int8, by channel", "fp16", "int8, through norm", "int8, per tensor", "int8, by block", "fp32")
    ]
    values = [float(cells[2][0].get("data-value", "nan")) for cells in found]
    tried = [layer.sqnr_db for layer in record.layers]
    assert values == pytest.approx(
        [float("nan") if db is None else db for db in tried], rel=1e-3, nan_ok=True
    )
    assert "".join(found[1][2][1]) == DASH
    assert ["".join(cells[5][1]) for cells in found] == ["0.50", DASH, "0.50", "0.50", "0.50", DASH]
    bars = [attributes["style"] for tag, attributes in page.tags if attributes.get("class") == "bar"]
    assert len(bars) == 4 + 6 + 6, "no bar for a layer that was not tried in int8"
    assert max(bars) == "--of:1.000"
    assert "each result handed to the CPU; layers without weights take the other 20.00" in page.text
    assert found[0][-1][0]["title"] == "margin 1.1, alpha 0.75, rounding gptq"


def test_before_the_choice_a_layer_has_no_plan():
    record = sensitivity("net")
    record = replace(record, layers=tuple(replace(layer, plan=None) for layer in record.layers))
    models = [ModelRecords(card("net"), sensitivity=[record])]
    page = Page(render_html([], models))
    assert texts(page.rows[-1])[-1] == DASH
    assert remarks([], models) == []
