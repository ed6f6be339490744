"""CSATv2's stem as a convolution, and its attention at a batch of one."""

from copy import deepcopy

import numpy as np
import torch
from timm.models.csatv2 import CSATv2, LearnableDct2d
from torch import nn

from zoo.export.pnnx import run_pnnx
from zoo.export.rewrites import rewrite
from zoo.export.rewrites.csatv2 import csatv2_convolutions
from zoo.export.torchscript import export_torchscript
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.sweep.lively import randomize

IMAGE = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_a_cosine_transform_is_a_convolution():
    torch.manual_seed(0)
    model = nn.Sequential(LearnableDct2d(8)).double().eval()
    expected = deepcopy(model)(IMAGE.double())
    assert csatv2_convolutions(model, (IMAGE,)) == 1 and isinstance(model[0], nn.Conv2d)
    torch.testing.assert_close(model(IMAGE.double()), expected, rtol=1e-9, atol=1e-9)


@torch.no_grad()
def test_a_small_one_reaches_ncnn(tmp_path):
    torch.manual_seed(0)
    sizes = {"dims": (32, 24, 32, 64), "depths": (1, 1, 2, 2), "transformer_depths": (0, 0, 1, 1)}
    model = CSATv2(num_classes=10, **sizes).eval()
    randomize(model, 0, IMAGE.shape)
    expected = model(IMAGE)
    counts = dict(rewrite(model, IMAGE))
    assert counts["CSATv2 by convolutions"] == 5 and counts["GRN without addcmul"] == 4
    export_torchscript(model, IMAGE, tmp_path / "model.pt")
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    run_pnnx(tmp_path / "model.pt", [IMAGE.shape], *pair)
    (found,) = NcnnRunner(*pair, "cpu", 1, "fp32").run((IMAGE[0].numpy(),))
    np.testing.assert_allclose(found[None], expected.numpy(), rtol=1e-3, atol=1e-4)
