"""The rows of a sweep as tables, and as the report's last section."""

from pathlib import Path

import pytest

from samples.page import Page
from zoo.config.settings import DEFAULT_GATES
from zoo.report.page import render_html
from zoo.sweep.listed import Family, listed
from zoo.sweep.page import render
from zoo.sweep.row import ARTIFACTS, FP32, INT8, ONNX, Outcome, Row
from zoo.sweep.tables import architectures, of_rows, reached, read_rows

PROJECT = Path(__file__).resolve().parents[3]
RIGHT = Family("timm", "resnet", "test_resnet", 1)
WRONG = Family("timm", "swin", "swin_tiny", 2)
ROWS = {
    RIGHT: Row("timm", "resnet", "test_resnet", (96, 96), way="TorchScript",
               artifacts={name: Outcome(0.99999, 61.04) for name in ARTIFACTS}),
    WRONG: Row("timm", "swin", "swin_tiny", (96, 96), artifacts={
        ONNX: Outcome(1.0, 120.0), FP32: Outcome(reason="no <b>way</b>"), INT8: Outcome(reason="no fp32")}),
}  # fmt: skip


def test_every_row_that_there_is_stands_in_the_page_with_its_reason():
    page = Page(render_html([], [], architectures=of_rows(ROWS)))
    for said in ("test_resnet", "61.0 dB", "0.999990", "fp32: no <b>way</b>"):
        assert said in page.text
    assert ("section", "architectures") in [(tag, attributes.get("class")) for tag, attributes in page.tags]


def test_without_rows_there_is_no_section(tmp_path: Path):
    assert architectures(tmp_path) is None
    assert "Architectures" not in Page(render_html([], [])).text


def test_rows_are_read_beside_the_configuration(tmp_path: Path):
    family = listed()[0]
    Row(family.library, family.name, family.entry, reason="because").write(tmp_path / family.row)
    found = architectures(tmp_path)
    assert found is not None
    assert [line[0] for line in found.families[family.library].lines] == [family.name]
    assert [line[:3] for line in found.counts.lines if line[0] == family.library] == [
        (family.library, "98", "1")
    ]
    assert "because" in found.families[family.library].lines[0][-1]


def test_what_sound_files_reach_is_of_those_that_are_right():
    rows = {
        Family("timm", name, name, 1): Row("timm", name, name, artifacts={
            FP32: Outcome(cosine, sqnr), INT8: Outcome(0.99, sqnr - 60)})
        for name, cosine, sqnr in (("a", 1.0, 100.0), ("b", 1.0, 90.0), ("c", 1.0, 80.0), ("d", 0.9, 10.0))
    }  # fmt: skip
    lines = {line[0]: line[1:] for line in reached(rows)}
    assert lines["fp32"] == ("3", "80.0", "80.0", "90.0", "66")
    assert lines["int8"][:2] == ("3", "20.0")
    assert "## What sound files reach" in render(rows)


@pytest.mark.parametrize("artifact", ARTIFACTS[:-1])
def test_no_default_gate_refuses_a_sound_file_of_the_sweep(artifact):
    gate = DEFAULT_GATES["fp32" if artifact == ONNX else artifact].min_sqnr_db
    found = {
        family.row: row.artifacts[artifact].sqnr_db
        for family, row in read_rows(listed(), PROJECT).items()
        if row and row.works(artifact)
    }
    assert found
    assert {row: sqnr for row, sqnr in found.items() if sqnr <= gate} == {}
