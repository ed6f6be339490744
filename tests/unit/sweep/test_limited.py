import os
import signal
import time
from pathlib import Path

import pytest
from torch import nn

from zoo.config.model_spec import ModelSpec
from zoo.sweep.limited import PACKAGES, row_of
from zoo.sweep.row import FP32, Row

pytestmark = pytest.mark.long(15)

PROJECT = Path(__file__).resolve().parents[3]


def waits() -> nn.Module:
    time.sleep(600)
    return nn.Identity()


def spins() -> nn.Module:
    while True:
        pass


def dies() -> nn.Module:
    os.kill(os.getpid(), signal.SIGSEGV)
    return nn.Identity()


def row(folder: Path, name: str, seconds: float, patience: float = 1) -> Row:
    spec = ModelSpec.from_config("mine", {"module": f"{__name__}:{name}", "preprocess": {"size": [16, 16]}})
    return row_of(spec, Row("module", "", name), PROJECT, folder, seconds, patience=patience)


def test_a_model_that_never_answers_is_ended_and_the_row_says_so(tmp_path: Path):
    found = row(tmp_path, "waits", 15)
    assert found.why(FP32) == "it took more than 15 s"
    assert set(found.versions) == set(PACKAGES)


def test_time_is_that_of_processors_whatever_else_they_do(tmp_path: Path):
    found = row(tmp_path, "spins", 5, patience=100)
    assert found.why(FP32) == "it took more than 5 s of processors"


def test_a_model_that_takes_the_process_down_is_told(tmp_path: Path):
    assert "crashed (SIGSEGV)" in row(tmp_path, "dies", 300).why(FP32)
