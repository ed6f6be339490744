"""Layer scale folded into the layer in front of it."""

import pytest
import torch
from timm.layers import LayerScale2d
from torch import nn

from samples.rewrites import FASTVIT, SMALL, VIT, check_gone, check_places
from zoo.export.rewrites.layer_scale import fold_layer_scale


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("convnext_tiny", SMALL, 5),
        ("convnext_atto", SMALL, 5),
        ("inception_next_atto", {**SMALL, "num_classes": 10}, 5),
        ("vit_small_patch14_reg4_dinov2", {**VIT, "img_size": 56}, 4),
        ("efficientformerv2_s0", {"num_classes": 10}, 18),
        ("mobilenetv4_hybrid_medium", {"num_classes": 10}, 30),
        ("fastvit_sa12", FASTVIT, 5),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(fold_layer_scale, name, arguments, places)


def test_what_a_rewrite_removes_is_gone_and_stays_gone():
    check_gone(fold_layer_scale, "efficientformerv2_s0", {}, "LayerScale2d")


class Scaled(nn.Module):
    """A convolution, something else, and a layer scale."""

    def __init__(self, between: nn.Module, scale: nn.Module | None = None) -> None:
        super().__init__()
        self.conv, self.between, self.scale = nn.Conv2d(3, 8, 1), between, scale or LayerScale2d(8)
        nn.init.uniform_(self.scale.gamma, -1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale(self.between(self.conv(x)))


class Twice(Scaled):
    """The same convolution feeds a layer scale and something else, one run after the other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale(self.conv(x)) + self.conv(2 * x)


@pytest.mark.parametrize(
    ("model", "folded"),
    [
        (Scaled(nn.Identity()), 1),
        (Scaled(nn.Dropout(0.5)), 1),
        (Scaled(nn.BatchNorm2d(8)), 1),
        (Scaled(nn.BatchNorm2d(8, affine=False)), 0),
        (Scaled(nn.ReLU()), 0),
        (Scaled(nn.ReLU(inplace=True)), 0),
        (Scaled(nn.AvgPool2d(2)), 0),
        (Twice(nn.Identity()), 0),
    ],
)
@torch.no_grad()
def test_a_layer_scale_folds_only_into_the_layer_right_in_front_of_it(model, folded):
    model.eval()
    image = torch.randn(1, 3, 8, 8)
    expected = model(image)
    assert fold_layer_scale(model, (image,)) == folded
    torch.testing.assert_close(model(image), expected)


@torch.no_grad()
def test_a_layer_scale_across_another_dimension_is_left_alone():
    """Here pixels and channels are equally many, and only the stride tells them apart."""

    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.scale = nn.Linear(16, 16), LayerScale2d(16)
            nn.init.uniform_(self.scale.gamma, -1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.scale(self.fc(x).reshape(1, 16, 4, 4))

    model, tokens = Transposed().eval(), torch.randn(1, 16, 16)
    assert fold_layer_scale(model, (tokens,)) == 0
