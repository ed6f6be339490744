"""Windows, heads and shifts in four dimensions at most: the same numbers, and ncnn has all operators."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from samples.models import random_model
from zoo.export.pnnx import run_pnnx
from zoo.export.rewrites import rewrite
from zoo.export.rewrites.few_dimensions.mode import FewDimensions, few_dimensions
from zoo.export.torchscript import export_torchscript
from zoo.runners.ncnn_runner import NcnnRunner

IMAGE = torch.randn(1, 8, 12, 16, generator=torch.Generator().manual_seed(0))


class Windows(nn.Module):
    """Shifted windows of an image in NHWC, there and back, with attention in each.

    A convolution comes first: it tells pnnx which dimension is the batch.
    """

    def __init__(self, dim: int = 8, window: int = 4) -> None:
        super().__init__()
        self.window, self.stem = window, nn.Conv2d(dim, dim, 1)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mask = nn.Parameter(torch.randn(12, 1, window * window, window * window))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.roll(self.stem(x).permute(0, 2, 3, 1), (-2, -1), (1, 2))
        b, h, w, c = x.shape
        k = self.window
        y = x.view(b, h // k, k, w // k, k, c).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, k * k, c)
        q, key, v = self.qkv(y).reshape(-1, k * k, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ key.transpose(-2, -1)).view(b, -1, 2, k * k, k * k) + self.mask.unsqueeze(0)
        y = (scores.view(-1, 2, k * k, k * k).softmax(-1) @ v).transpose(1, 2).reshape(-1, k * k, c)
        y = self.proj(y).view(b, h // k, w // k, k, k, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return torch.roll(y, shifts=(2, 1), dims=(1, 2)).permute(0, 3, 1, 2)


@torch.no_grad()
def test_shifted_windows_reach_ncnn(tmp_path):
    torch.manual_seed(0)
    model = Windows().eval()
    expected = deepcopy(model)(IMAGE)
    assert few_dimensions(model, (IMAGE,)) > 5 and type(model).__name__ == "Windows"
    torch.testing.assert_close(model(IMAGE), expected)
    export_torchscript(model, IMAGE, tmp_path / "model.pt")
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    run_pnnx(tmp_path / "model.pt", [IMAGE.shape], *pair)
    (found,) = NcnnRunner(*pair, "cpu", 1, "fp32").run((IMAGE[0].numpy(),))
    torch.testing.assert_close(
        torch.from_numpy(found).reshape(expected.shape), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.view(1, 2, 4, 3, 4, 16).transpose(1, 2)[0].flatten(0, 2),
        lambda x: x.view(2, 4, 3, 4, 4, 4).permute(4, 0, 1, 2, 3, 5).select(0, -1).reshape(8, -1),
        lambda x: torch.stack(list(x.view(8, 3, 2, 2, 16).movedim(1, 0))).flatten(),
        lambda x: x.view(1, 2, 4, 12, 16).transpose(1, 2).reshape(1, 8, 12, 16),
    ],
)
def test_calls_of_every_form_give_what_torch_gives(call):
    with FewDimensions():
        found = call(IMAGE)
    assert torch.equal(found, call(IMAGE))


class Subsampled(nn.Module):
    """Every other token of an image in NHWC, as LeViT (arXiv:2104.01136) has it, of an odd number too."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = nn.Conv2d(8, 8, 1), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)[:, ::2, 1::3]
        return self.fc(x.reshape(1, -1, 8))


@torch.no_grad()
@pytest.mark.parametrize("image", [IMAGE, IMAGE[:, :, :11, :13]])
def test_slices_with_a_step_reach_ncnn(tmp_path, image):
    torch.manual_seed(0)
    model = Subsampled().eval()
    expected = deepcopy(model)(image)
    assert few_dimensions(model, (image,)) == 1
    export_torchscript(model, image, tmp_path / "model.pt")
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    run_pnnx(tmp_path / "model.pt", [image.shape], *pair)
    (found,) = NcnnRunner(*pair, "cpu", 1, "fp32").run((image[0].numpy(),))
    torch.testing.assert_close(
        torch.from_numpy(found).reshape(expected.shape), expected, rtol=1e-4, atol=1e-5
    )


def test_a_channel_shuffle_stays_as_pnnx_knows_it():
    with FewDimensions() as mode:
        IMAGE.view(1, 2, 4, 12, 16).transpose(1, 2).reshape(1, 8, 12, 16)
    assert mode.count == 0


def test_a_model_that_must_take_other_sizes_is_left_alone():
    torch.manual_seed(0)
    assert dict(rewrite(Windows(), IMAGE, dynamic=True))["few dimensions"] == 0


@torch.no_grad()
def test_a_small_swin_reaches_ncnn(tmp_path):
    sizes = {"embed_dim": 16, "depths": [2, 1], "num_heads": [1, 2], "num_classes": 5}
    model, image = random_model("swin_tiny_patch4_window7_224", img_size=56, **sizes)
    expected = deepcopy(model)(image)
    assert dict(rewrite(model, image))["few dimensions"] > 10
    export_torchscript(model, image, tmp_path / "model.pt")
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    run_pnnx(tmp_path / "model.pt", [image.shape], *pair)
    (found,) = NcnnRunner(*pair, "cpu", 1, "fp32").run((image[0].numpy(),))
    torch.testing.assert_close(
        torch.from_numpy(found).reshape(expected.shape), expected, rtol=1e-3, atol=1e-4
    )
