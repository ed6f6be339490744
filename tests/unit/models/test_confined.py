"""What a model file of a stranger's may do when it is imported."""

import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.models.confined import confined
from zoo.models.import_file import import_file


class Endless(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool(x.sum() < 1e9):
            x = x * 1.0
        return x.mean((2, 3))


def refusing(what: str) -> None:
    raise ZooError(what)


def writing(path: str) -> str:
    try:
        Path(path).write_bytes(b"x" * 10)
    except OSError as error:
        return os.strerror(error.errno or 0)
    return "written"


def devices() -> list[str]:
    return [name for _, name in socket.if_nameindex()]


def many_zeros(megabytes: int) -> int:
    return int(np.ones(megabytes << 20, np.uint8)[::4096].sum())


def test_results_and_errors_come_back():
    assert confined("the model", many_zeros, 1) == 256
    with pytest.raises(ZooError, match="as it was raised"):
        confined("the model", refusing, "as it was raised")


def test_nothing_can_be_written(tmp_path):
    assert confined("the model", writing, str(tmp_path / "a")) == "File too large"
    assert not (tmp_path / "a").exists() or (tmp_path / "a").read_bytes() == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="without privileges not every system lets a process do so")
def test_there_is_no_network():
    assert set(confined("the model", devices)) <= {"lo"}


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
