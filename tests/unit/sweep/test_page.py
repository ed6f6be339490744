from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.sweep.listed import Family, listed
from zoo.sweep.page import render
from zoo.sweep.row import ARTIFACTS, FP32, INT8, ONNX, Outcome, Row
from zoo.sweep.tables import LONGEST, read_rows

PROJECT = Path(__file__).resolve().parents[3]
GOOD = Family("timm", "resnet", "test_resnet", 1)
BAD = Family("timm", "swin", "swin_tiny", 2)
OPEN = Family("torchvision", "alexnet", "alexnet", 3)
WORKS = Row(
    "timm", "resnet", "test_resnet", (96, 128), way="TorchScript",
    artifacts={name: Outcome(0.9999996, 26.04 if name == INT8 else 90.0) for name in ARTIFACTS},
)  # fmt: skip
FAILS = Row(
    "timm", "swin", "swin_tiny", (96, 96),
    artifacts={ONNX: Outcome(1.0, 120.0), FP32: Outcome(reason="no | way"), INT8: Outcome(reason="no | way")},
    reason="it took more than 9 s",
)  # fmt: skip


def test_the_page_counts_and_tells_each_reason_once():
    lines = render({GOOD: WORKS, BAD: FAILS, OPEN: None}).splitlines()
    assert "| timm | 2 | 2 | 2 | 1 | 1 |" in lines
    assert "| torchvision | 1 | 0 | 0 | 0 | 0 |" in lines
    assert (
        "| resnet | `test_resnet` | 96x128 | 0.999999 | 0.999999 | 0.999999 | 26.0 dB | TorchScript |  |"
        in lines
    )
    (bad,) = (line for line in lines if line.startswith("| swin |"))
    assert bad.endswith(r"| - | fp32, int8: no \| way; fp16: it took more than 9 s |")
    assert "Not tried yet: alexnet (`alexnet`)." in lines


def test_a_long_reason_is_cut():
    row = Row("timm", "swin", "swin_tiny", artifacts={}, reason="a" * 2 * LONGEST)
    (line,) = (line for line in render({BAD: row}).splitlines() if line.startswith("| swin |"))
    assert line.endswith("a … |") and len(line) < 2 * LONGEST


def test_a_broken_row_is_named(tmp_path: Path):
    (tmp_path / GOOD.row).parent.mkdir(parents=True)
    (tmp_path / GOOD.row).write_text("{}")
    with pytest.raises(ZooError, match="resnet"):
        read_rows([GOOD], tmp_path)


def test_the_page_that_ships_is_of_the_rows_that_ship():
    page = (PROJECT / "docs/architectures.md").read_text(encoding="utf-8")
    assert page == render(read_rows(listed(), PROJECT)), "run: snakemake architectures"
