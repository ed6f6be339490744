"""From records to rows, and rows as CSV."""

import csv
import io
from dataclasses import replace

import pytest

from samples.report import CPU, benchmark, card, complete, evaluation, row_of, unloadable, verification
from zoo.report.records import ModelRecords
from zoo.report.row import render_csv, rows


def test_a_row_gathers_what_the_records_say():
    row = row_of(verification("net"), benchmark("net"), evaluation("net"))
    assert (row.model, row.device, row.artifact, row.precision, row.format) == (
        "net",
        "cpu",
        "int8",
        "int8",
        "ncnn",
    )
    assert (row.bytes, row.parameters) == (1_680_000, 1_520_000)
    assert (row.top1, row.reference_top1) == (0.98, 0.983)
    assert row.top1_drop == pytest.approx(0.3)
    assert (row.agreement, row.cosine_min, row.sqnr_db) == (0.99, 0.99981, 38.5)
    assert (row.ratio_1, row.threads_all, row.ratio_all, row.reference) == (0.59, 2, 0.59, "fp32")
    assert row.latency_1_ms == pytest.approx(0.59 * 14.6)
    assert (row.hardware, row.software_gpu) == (CPU, None)
    assert (row.verdict, row.failures) == ("passed", ())


def test_what_was_not_measured_is_unknown_and_not_zero():
    row = row_of(verification("net"))
    assert row.bytes == 1_680_000, "the verification knows the files' sizes"
    assert {row.top1, row.top1_drop, row.latency_1_ms, row.ratio_1, row.latency_all_ms, row.threads_all} == {
        None
    }
    row = row_of(benchmark("net"))
    assert {row.verdict, row.cosine_min, row.agreement, row.sqnr_db, row.max_abs_error} == {None}
    row = row_of(evaluation("net", labelled=False))
    assert (row.top1, row.top1_drop, row.bytes) == (None, None, None)
    assert (row.agreement, row.sqnr_db) == (0.9972, 38.4), "stand in for those of the verification"


def test_a_machine_with_one_cpu_has_no_second_latency():
    record = benchmark("net")
    row = row_of(replace(record, latency=record.latency[:1]))
    assert (row.threads_all, row.latency_all_ms, row.ratio_all) == (None, None, None)
    assert row.latency_1_ms is not None


def test_an_artifact_that_could_not_run_has_a_verdict_and_no_figures():
    row = row_of(unloadable("net"))
    assert row.verdict == "failed"
    assert row.failures == ("int8.bin ends 4096 bytes early, in the weights of convolution_17",)
    assert {row.agreement, row.cosine_min, row.sqnr_db, row.hardware} == {None}


def test_rows_come_model_by_model_cpu_first_and_ncnn_first():
    names = ["torchscript", "int8", "fp32.onnx", "fp16", "fp32"]
    records = [verification("net", device, name) for device in ("gpu", "cpu") for name in names]
    for name in ("int8_dynamic.onnx", "fp16.onnx"):
        records.append(replace(verification("net"), artifact=name))
    found = rows([ModelRecords(card("net"), records), complete("a", devices=("cpu",))])
    assert [row.artifact for row in found if row.model == "net" and row.device == "cpu"] == [
        *("fp32", "fp16", "int8", "fp32.onnx", "fp16.onnx", "int8_dynamic.onnx", "torchscript")
    ]
    assert [(row.model, row.device) for row in found[6:8]] == [("net", "cpu"), ("net", "gpu")]
    assert found[-1].model == "a"
    dynamic = next(row for row in found if row.artifact == "int8_dynamic.onnx")
    assert (dynamic.precision, dynamic.format) == ("int8 dynamic", "ONNX")


def test_csv_has_a_line_per_row_and_empty_fields_for_the_unknown(built):
    _, table, _ = built
    lines = list(csv.DictReader(io.StringIO(render_csv(table))))
    assert len(lines) == len(table)
    for line, row in zip(lines, table, strict=True):
        assert line["model"] == row.model
        assert line["failures"] == "; ".join(row.failures)
        for name in ("bytes", "top1", "cosine_min", "latency_1_ms", "ratio_all"):
            assert (float(line[name]) if line[name] else None) == getattr(row, name)
    assert any(line["top1"] == "" for line in lines)


def test_a_board_that_was_timed_has_no_frames_per_second():
    timed = replace(benchmark("net", "pi5", "fp16"), throughput=None)
    (row,) = rows([ModelRecords(card("net"), bench=[timed])])
    assert row.latency_1_ms is not None and row.fps is row.streams is row.fps_ratio is None
