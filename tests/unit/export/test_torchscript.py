"""TorchScript files: they compute what the model does, and their bytes do not change."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import zoo.export.onnx
from samples.models import rewritten_model
from zoo.export.torchscript import export_torchscript
from zoo.jobs.files import sha256


@pytest.fixture(scope="module")
def rewritten() -> tuple[nn.Module, torch.Tensor]:
    return rewritten_model()


EXPORT_TORCHSCRIPT = """
import sys, torch
from samples.models import random_model
from zoo.export.torchscript import export_torchscript
model, image = random_model("convnext_atto", size=32, depths=(1, 1, 1, 1), dims=(8, 8, 8, 8))
export_torchscript(model, image, sys.argv[1])
"""


@torch.no_grad()
def test_torchscript_computes_what_the_model_does(rewritten, tmp_path):
    model, image = rewritten
    export_torchscript(model, image, tmp_path / "torchscript.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        loaded = torch.jit.load(tmp_path / "torchscript.pt")
    torch.testing.assert_close(loaded(image), model(image))


def test_torchscript_holds_no_paths_and_no_debug_records(rewritten, tmp_path):
    model, image = rewritten
    export_torchscript(model, image, tmp_path / "torchscript.pt")
    content = (tmp_path / "torchscript.pt").read_bytes()
    for trace in (b"site-packages", b"debug_pkl", __file__.encode(), str(tmp_path).encode()):
        assert trace not in content


def test_torchscript_has_the_same_bytes_in_every_process_and_place(tmp_path):
    paths = [tmp_path / "torchscript.pt", tmp_path / "another place" / "x.pt"]
    search = [str(Path(__file__).parents[2]), str(Path(zoo.export.onnx.__file__).parents[2])]
    code = f"import sys\nsys.path[:0] = {search}\n{EXPORT_TORCHSCRIPT}"
    processes = [subprocess.Popen([sys.executable, "-c", code, path]) for path in paths]
    assert [process.wait() for process in processes] == [0, 0]
    assert sha256(paths[0]) == sha256(paths[1])
