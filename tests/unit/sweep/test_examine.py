from pathlib import Path

import pytest
import torch
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.sweep.examine import PICTURES, examine, pictures, reason_of, smallest
from zoo.sweep.row import FAITHFUL_DB, FP32, INT8, ONNX, Row
from zoo.sweep.subject import Pictures

pytestmark = pytest.mark.long(20)

PROJECT = Path(__file__).resolve().parents[3]
NONE = Pictures((), ())


class Strange(nn.Module):
    """What no exporter knows, while torch runs it."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.linalg.svdvals(image.mean(1)[:, :8, :8])


class Infinite(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean((2, 3)) / 0


def strange() -> nn.Module:
    return Strange()


def infinite() -> nn.Module:
    return Infinite()


def spec(**entry: object) -> ModelSpec:
    return ModelSpec.from_config("mine", entry)


def of_module(name: str) -> ModelSpec:
    return spec(module=f"{__name__}:{name}", task="other", preprocess={"size": [32, 32]})


def test_the_pictures_that_ship_are_taken_and_none_for_both_uses():
    found = pictures(PROJECT)
    assert len(found.compared) == len(found.calibration) == PICTURES
    assert not {each.path for each in found.compared} & {each.path for each in found.calibration}


def test_the_smallest_size_is_the_first_that_the_model_takes():
    assert smallest(spec(timm="test_resnet", weights={"random": 0})).preprocess == {"size": [96, 96]}
    windows = smallest(spec(timm="test_vit", weights={"random": 0}))
    assert windows.preprocess["size"][0] % 16 == 0
    given = spec(timm="test_resnet", weights={"random": 0}, preprocess={"size": [40, 40]})
    assert smallest(given) == given


def test_a_row_tells_more_and_more_and_ends_with_all_artifacts(tmp_path: Path):
    told: list[Row] = []
    start = Row("timm", "resnet", "test_resnet")
    few = Pictures(*(each[:2] for each in (pictures(PROJECT).compared, pictures(PROJECT).calibration)))
    model = spec(timm="test_resnet", weights={"random": 0}, preprocess={"size": [32, 32]})
    row = examine(model, start, few, tmp_path, told.append)
    assert [len(each.artifacts) for each in told] == [0, 1, 2, 3, 4]
    assert told[-1] == row
    assert row.works(ONNX) and row.works(FP32) and row.way == "TorchScript"
    assert row.size == (32, 32) and row.parameters and row.multiply_adds
    sizes = {name: outcome.bytes for name, outcome in row.artifacts.items()}
    assert sizes[INT8] < sizes["fp16"] < sizes[FP32]
    assert 0 < row.decibels < row.artifacts["fp16"].sqnr_db, "closer than nothing, and coarser than fp16"
    assert row.decibels >= FAITHFUL_DB or row.why(INT8)


def test_what_an_artifact_fails_by_is_in_the_row_and_those_after_it_are_tried(tmp_path: Path):
    row = examine(of_module("strange"), Row("module", "", "strange"), NONE, tmp_path, lambda _: None)
    assert not any(map(row.works, (ONNX, FP32)))
    assert "linalg" in row.why(ONNX) and "svd" in row.why(FP32)
    assert "made of ncnn's fp32 files" in row.why(INT8)


def test_a_model_whose_answers_cannot_be_compared_ends_there(tmp_path: Path):
    row = examine(of_module("infinite"), Row("module", "", "infinite"), NONE, tmp_path, lambda _: None)
    assert not row.artifacts
    assert "NaN or infinite" in row.why(FP32)


def test_only_the_artifacts_asked_for_are_made(tmp_path: Path):
    model = spec(timm="test_resnet", weights={"random": 0}, preprocess={"size": [32, 32]})
    row = examine(model, Row("timm", "", ""), NONE, tmp_path, lambda _: None, artifacts=(ONNX,))
    assert list(row.artifacts) == [ONNX]


@pytest.mark.parametrize("error", [ValueError("in /tmp/x/weights.pt:\n  no"), KeyError("a")])
def test_a_reason_is_one_line_without_the_folder(error: Exception):
    reason = reason_of(error, Path("/tmp/x"))
    assert reason.startswith(type(error).__name__) and "\n" not in reason and "/tmp/x" not in reason
