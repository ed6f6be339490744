"""The evaluation as Markdown and as CSV, against the records that it is made of."""

import csv
import io

import pytest

from samples.report import FP32_MS, benchmark, card, evaluation, verification, zoo
from zoo.report.formats import DASH
from zoo.report.records import ModelRecords
from zoo.report.row import rows
from zoo.report.summary import render_summary, render_summary_csv


def tables(text):
    """Model -> the cells of each line of its table, by heading."""
    found, name, headings = {}, None, None
    for line in text.splitlines():
        if line.startswith("## "):
            name, headings = line[3:], None
        elif line.startswith("| ") and headings is None:
            headings = [cell.strip() for cell in line.strip("|").split("|")]
            found[name] = []
        elif line.startswith("| ") and "---" not in line:
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            found[name].append(dict(zip(headings, cells, strict=True)))
    return found


def test_markdown_has_a_table_a_model_and_a_line_an_artifact():
    models = zoo()
    found = tables(render_summary(rows(models), models))
    assert {name: len(lines) for name, lines in found.items()} == {
        model.card.name: len(model.verify) for model in models
    }


def test_a_line_has_the_figures_of_its_artifact():
    places = ("fp32", "fp16", "int8")
    model = ModelRecords(
        card("net", parameters=3_700_000, multiply_adds=547_332_480),
        [verification("net", artifact=name) for name in places],
        [benchmark("net", artifact=name) for name in places],
        [
            evaluation("net", artifact=name, top1=top1)
            for name, top1 in zip(places, (0.983, 0.982, 0.98), strict=True)
        ],
    )
    text = render_summary(rows([model]), [model])
    assert "3.70 M parameters, 547.33 M multiply-adds, input 3 x 32 x 32." in text
    assert "Evaluated on 360 images of digits_test; the original's top-1 is 98.30 %." in text
    assert "All threads: 2." in text and "Streams in flight: 2." in text
    fp32, _, int8 = tables(text)["net"]
    assert fp32["drop, points"] == "0.00" and fp32["1 thread, ms"] == f"{FP32_MS:.1f}"
    assert int8 == {
        "device": "cpu",
        "artifact": "int8",
        "MB": "1.68",
        "top-1, %": "98.00",
        "top-5, %": "100.00",
        "drop, points": "0.30",
        "agreement, %": "99.72",
        "1 thread, ms": "8.61",
        "all threads, ms": "5.17",
        "frames/s": f"{1800 / (0.59 * FP32_MS):.0f}",
    }


def test_what_was_not_measured_is_a_dash_and_software_gpus_are_marked():
    model = ModelRecords(
        card("net", multiply_adds=None),
        [verification("net", "gpu")],
        [benchmark("net", "gpu")],
        [evaluation("net", "gpu", labelled=False)],
    )
    text = render_summary(rows([model]), [model])
    (line,) = tables(text)["net"]
    assert line["top-1, %"] == line["drop, points"] == DASH
    assert line["1 thread, ms"].endswith("*") and line["frames/s"].endswith("*")
    assert "is a software GPU: latencies measured on it say nothing about real GPUs" in text
    assert "multiply-adds" not in text and "360 images of heldout, no labels." in text
    alone = ModelRecords(card("net"), [verification("net")])
    (line,) = tables(render_summary(rows([alone]), [alone]))["net"]
    assert {line[name] for name in ("top-1, %", "1 thread, ms", "frames/s")} == {DASH}


def test_csv_has_the_same_figures_as_they_are():
    table = rows(zoo())
    lines = list(csv.DictReader(io.StringIO(render_summary_csv(table))))
    assert len(lines) == len(table)
    for line, row in zip(lines, table, strict=True):
        assert (line["model"], line["device"], line["artifact"]) == (row.model, row.device, row.artifact)
        for name in ("top1", "top5", "top1_drop", "fps", "fps_ratio", "multiply_adds", "latency_all_ms"):
            value = getattr(row, name)
            assert (float(line[name]) if line[name] else None) == (
                None if value is None else pytest.approx(value)
            )
