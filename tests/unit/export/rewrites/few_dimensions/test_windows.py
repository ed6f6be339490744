"""Overlapping windows and uneven pooling, there and back."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from samples.few_dimensions import check_in_ncnn
from zoo.export.onnx import export_onnx
from zoo.export.rewrites.few_dimensions.mode import FewDimensions, few_dimensions

IMAGE = torch.randn(1, 4, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.unfold(2, 6, 3),
        lambda x: x.unfold(-1, 4, 4).unfold(2, 5, 2).flatten(3),
        lambda x: x.unfold(3, 4, 4).unfold(2, 5, 2)[0, :, 1],
        lambda x: functional.fold(functional.unfold(x, 3, 1, 1, 2), (12, 16), 3, 1, 1, 2),
        lambda x: functional.fold(
            functional.unfold(x, (3, 2), (1, 2), (0, 1), (2, 3)), (12, 16), (3, 2), (1, 2), (0, 1), (2, 3)
        ),
        lambda x: functional.interpolate(x, (1, 1), mode="bilinear", align_corners=True),
        lambda x: functional.interpolate(x, size=(1, 5), mode="bilinear", align_corners=True),
        lambda x: functional.adaptive_avg_pool2d(x, 7),
        lambda x: functional.adaptive_avg_pool2d(x, (5, None)),
        lambda x: functional.adaptive_avg_pool2d(x[:, :, :3, :3], (7, 7)),
        lambda x: functional.adaptive_avg_pool2d(x[:, :, :1, :3], (7, 1)),
        lambda x: functional.adaptive_avg_pool2d(x[:, :, :3, :1], (1, 7)),
    ],
)
def test_calls_give_what_torch_gives(call):
    with FewDimensions() as mode:
        found = call(IMAGE)
    assert mode.count
    torch.testing.assert_close(found, call(IMAGE))


def test_what_needs_no_other_form_is_left_alone():
    with FewDimensions() as mode:
        functional.adaptive_avg_pool2d(IMAGE, (3, 8))
        functional.interpolate(IMAGE, (2, 1))
        functional.interpolate(IMAGE, (2, 2), mode="bilinear", align_corners=True)
    assert mode.count == 0


class Halo(nn.Module):
    """Blocks that look at their surroundings, as in HaloNet (arXiv:2103.12731)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        around = functional.pad(x, [1, 1, 1, 1]).unfold(2, 6, 4).unfold(3, 6, 4).reshape(8, 12, 36)
        own = x.reshape(8, 3, 4, 4, 4).permute(0, 1, 3, 2, 4).reshape(8, 12, 16)
        return own.transpose(1, 2) @ around


class Outlook(nn.Module):
    """Unfolded, weighted and folded, as in VOLO (arXiv:2106.13112)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.unfold = nn.Conv2d(4, 4, 1), nn.Unfold(3, padding=1, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.fold(self.unfold(self.stem(x)) * 2, (12, 16), 3, padding=1, stride=2)


class FromOne(nn.Sequential):
    """As in CSATv2 where nothing is left of an image but one pixel."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(4, 4, (12, 16)), nn.AdaptiveAvgPool2d((3, 2)))


class Corner(nn.Sequential):
    """A map of scores, brought to an image of one row, as in CSATv2."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(4, 4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(super().forward(x), size=(1, 8), mode="bilinear", align_corners=True)


class Uneven(nn.Sequential):
    """As in VGG, at a size that is none of its own."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(4, 4, 1), nn.AdaptiveAvgPool2d((7, 7)))


@pytest.mark.parametrize("kind", [Halo, Outlook, Uneven, FromOne, Corner])
def test_they_reach_ncnn_and_onnx(tmp_path, kind):
    torch.manual_seed(0)
    model = kind()
    assert check_in_ncnn(model, IMAGE, tmp_path)
    export_onnx(model, IMAGE, tmp_path / "model.onnx")


def test_a_module_of_torch_in_which_something_was_changed_is_none_for_pnnx():
    model = Uneven().eval()
    assert few_dimensions(model, (IMAGE,)) == 1
    assert not type(model[1]).__module__.startswith("torch") and isinstance(model[1], nn.AdaptiveAvgPool2d)
    assert type(model[0]) is nn.Conv2d
