"""Two artifacts side by side: the table, the CSV and the chart show the same."""

import csv
import json
import re

import pytest

from samples.artifacts import artifact
from zoo.config.records.verification import LayerDifference
from zoo.report.comparison import as_csv, plot, table

DIFFERENCES = [
    LayerDifference("conv", "Convolution", "1", 1.0, 200.0, 0.0, 3.0),
    LayerDifference("relu", "ReLU", "2", 0.9876543, 31.25, 0.0123456, 3.0),
    LayerDifference("wild", "InnerProduct", "3", 0.0, -200.0, None, 5.0),
    LayerDifference("output 0", "", "output 0", 0.5, -3.0, 12.0, 6.0),
]


def test_the_table_has_a_line_a_layer_in_columns():
    lines = table(DIFFERENCES).splitlines()
    assert lines[0].split() == ["layer", "type", "cosine", "SQNR", "dB", "max", "abs"]
    assert lines[1].split() == ["conv", "Convolution", "1.000000", "exact", "0"]
    assert lines[2].split() == ["relu", "ReLU", "0.987654", "31.2", "0.0123"]
    assert lines[3].endswith("not a number  not a number")
    assert len({len(line) for line in lines}) == 1


def test_the_csv_has_the_figures_as_they_are():
    rows = list(csv.DictReader(as_csv(DIFFERENCES).splitlines()))
    assert [row["layer"] for row in rows] == [each.layer for each in DIFFERENCES]
    assert [float(row["sqnr_db"]) for row in rows] == [each.sqnr_db for each in DIFFERENCES]
    assert (rows[1]["cosine"], rows[1]["peak"], rows[2]["max_abs"]) == ("0.9876543", "3.0", "")


def test_the_chart_opens_offline_and_says_what_is_compared(tmp_path):
    first, second = artifact(tmp_path / "fp32.param"), artifact(tmp_path / "fp16.param", name="fp16")
    page = plot(first, second, DIFFERENCES).replace(r"\u002f", "/")
    assert "cpu/small/fp16 against cpu/small/fp32" in page and "output 0" in page
    assert "<script src=" not in page
    heights = re.search(r'"y": (\[[^\]]*\])', page)[1]
    assert json.loads(heights) == [None, pytest.approx(31.25), -20.0, -3.0]
