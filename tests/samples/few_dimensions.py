"""A model run in few dimensions, and through pnnx and ncnn, beside what torch gives."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zoo.export.pnnx import run_pnnx
from zoo.export.rewrites.few_dimensions.mode import few_dimensions
from zoo.export.torchscript import export_torchscript
from zoo.ncnn.graph import read_graph, unique_names, write_param
from zoo.runners.ncnn_runner import NcnnRunner


@torch.no_grad()
def check_in_ncnn(model: nn.Module, image: torch.Tensor, folder: Path) -> int:
    """Assert that a model, rewritten in place, and what ncnn makes of it answer as it did; at how many places
    it was."""
    model.eval()
    expected = deepcopy(model)(image)
    count = few_dimensions(model, (image,))
    torch.testing.assert_close(model(image), expected)
    export_torchscript(model, image, folder / "model.pt")
    pair = folder / "fp32.param", folder / "fp32.bin"
    run_pnnx(folder / "model.pt", [image.shape], *pair)
    write_param(unique_names(read_graph(*pair)), pair[0])
    (found,) = NcnnRunner(*pair, "cpu", 1, "fp32").run((image[0].numpy(),))
    np.testing.assert_allclose(found.reshape(expected.shape), expected.numpy(), rtol=1e-3, atol=1e-4)
    return count
