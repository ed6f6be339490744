"""TorchScript in torch."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from samples.runtimes import IMAGE
from zoo.runners import BatchRunner, open_runner


class Named(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        return {"features": [x + 1, 2 * x], "more": [-x]}


def test_torchscript_may_return_any_containers_of_tensors(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Named()).save(tmp_path / "model.pt")
    outputs = open_runner("torch", [tmp_path / "model.pt"]).run((IMAGE,))
    for output, expected in zip(outputs, (IMAGE + 1, 2 * IMAGE, -IMAGE), strict=True):
        np.testing.assert_array_equal(output, expected)


def test_a_batch_is_what_one_by_one_gives(case):
    runner = open_runner("torch", case.files["torch"])
    images = np.stack([IMAGE, 2 * IMAGE, -IMAGE])
    assert isinstance(runner, BatchRunner) and runner.batches
    (outputs,) = runner.run_batch((images,))
    assert outputs.shape == (3, 10) and outputs.dtype == np.float32
    for output, image in zip(outputs, images, strict=True):
        np.testing.assert_allclose(output, runner.run((image,))[0], atol=1e-5)


def test_no_product_is_rounded_to_tf32(case):
    torch.backends.cudnn.allow_tf32 = True
    open_runner("torch", case.files["torch"])
    assert torch.backends.cudnn.allow_tf32 is False


class Large(nn.Module):
    """It adds up 40 TB, which no machine has."""

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        return data + torch.zeros([10_000_000_000_000]).sum()


def test_a_lack_of_memory_is_not_the_fault_of_the_file(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Large()).save(tmp_path / "large.pt")
    with pytest.raises(MemoryError, match=r"large\.pt: torch cannot run it"):
        open_runner("torch", [tmp_path / "large.pt"]).run((IMAGE,))
