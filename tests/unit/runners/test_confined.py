"""What a model file of a stranger's may do when it is imported or converted."""

import logging
import os
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.jobs.isolation import ChildDied
from zoo.models.import_file import import_file
from zoo.runners.confined import confined, converted


class Endless(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool(x.sum() < 1e9):
            x = x * 1.0
        return x.mean((2, 3))


def refusing(what: str) -> None:
    raise ZooError(what)


def many_zeros(megabytes: int) -> int:
    return int(np.ones(megabytes << 20, np.uint8)[::4096].sum())


def test_results_and_errors_come_back():
    assert confined("the model", many_zeros, 1) == 256
    with pytest.raises(ZooError, match="as it was raised"):
        confined("the model", refusing, "as it was raised")


def telling(path: Path) -> None:
    logging.getLogger("zoo.quantizer").info("a layer stays %s", "float")
    with tempfile.TemporaryFile() as file:  # as libraries do
        file.write(b"made")
    Path(tempfile.gettempdir(), ".ses").touch()  # as onnxruntime does, and never takes it away
    path.write_text("made")


def test_what_a_function_writes_and_logs_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    converted("the model", tmp_path / "source", telling, tmp_path / "made")
    assert (tmp_path / "made").read_text() == "made" and list(tmp_path.iterdir()) == [tmp_path / "made"]
    assert caplog.messages == ["a layer stays float"]
    with pytest.raises(OSError, match=r"temporary directory|denied"):
        confined("the model", telling, tmp_path / "other")


def killed_from_outside() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_end_from_outside_is_not_the_models_fault():
    with pytest.raises(ChildDied, match=r"SIGKILL.*run again") as died:
        confined("the model", killed_from_outside)
    assert not died.value.crashed


def test_memory_has_a_limit_that_is_named():
    with pytest.raises(ZooError, match=r"^the model asks for more than 64 MB of memory, the limit"):
        confined("the model", many_zeros, 200, memory_mb=64)


def test_time_has_a_limit_that_is_named():
    with pytest.raises(ZooError, match=r"^the model did not answer within 0.5 s, the limit"):
        confined("the model", time.sleep, 60, seconds=0.5)


def test_a_crash_is_a_sentence():
    with pytest.raises(ZooError, match=r"^the model ended the process that ran it .*SIGABRT"):
        confined("the model", os.abort)


@pytest.mark.long(25)
@pytest.mark.filterwarnings("ignore")
def test_an_endless_model_is_given_up(tmp_path):
    torch.jit.script(Endless()).save(tmp_path / "endless.pt")
    spec = ModelSpec.from_config("net", {"torchscript": str(tmp_path / "endless.pt")})
    with pytest.raises(ZooError, match=r"did not answer within 15 s.* loop without end"):
        confined("the model", import_file, spec, seconds=15)
