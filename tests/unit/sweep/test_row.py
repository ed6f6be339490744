from pathlib import Path

from zoo.config.records.conversion import Failure
from zoo.sweep.row import FP16, FP32, INT8, ONNX, Outcome, Row

ROW = Row(
    "timm",
    "resnet",
    "test_resnet",
    size=(96, 96),
    way="ONNX",
    failed=(Failure("TorchScript", "pnnx left aten::roll"),),
    artifacts={ONNX: Outcome(1.0, 120.0), FP32: Outcome(0.99985, 30.0, "its smallest cosine is 0.999850")},
    reason="it took more than 5 s",
)


def test_a_row_is_read_as_it_was_written(tmp_path: Path):
    ROW.write(tmp_path / "row.json")
    assert Row.read(tmp_path / "row.json") == ROW


def test_what_works_is_what_a_build_would_let_pass():
    assert ROW.works(ONNX)
    assert not ROW.works(FP32) and not ROW.works(FP16) and not ROW.works(INT8)
    int8 = Row("timm", "a", "b", artifacts={INT8: Outcome(0.5, 20.0), FP16: Outcome(0.999, 30.0)})
    assert int8.works(INT8) and int8.works(FP16)
    assert int8.decibels == 20.0


def test_what_was_not_reached_is_told_by_the_end_of_the_row():
    assert ROW.why(INT8) == "it took more than 5 s"
    assert ROW.why(FP32) == "its smallest cosine is 0.999850"
    assert ROW.why(ONNX) == ""


def test_a_high_cosine_is_not_enough_in_float32():
    near = Row("timm", "a", "a", artifacts={ONNX: Outcome(0.99991, 40.3), FP16: Outcome(0.99991, 40.3)})
    assert not near.works(ONNX) and near.works(FP16)
