"""The exact rewrites: same outputs as the untouched model, and the layers that they promise to remove."""

from copy import deepcopy

import pytest
import torch
from timm.layers import LayerScale2d
from torch import nn

import zoo.export.rewrites as rewrites
from samples.models import random_model
from zoo.errors import ZooError
from zoo.export.rewrites import REWRITES, rewrite
from zoo.export.rewrites.attention import split_attention
from zoo.export.rewrites.conv_mlp import mlp_to_convolution
from zoo.export.rewrites.edgenext import edgenext_channels_first
from zoo.export.rewrites.grn import plain_grn
from zoo.export.rewrites.layer_scale import fold_layer_scale
from zoo.export.rewrites.modules import float64_arithmetic
from zoo.export.rewrites.pooled_norm import norm_after_flatten
from zoo.export.rewrites.reparameterization import reparameterize

SMALL = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32), "num_classes": 10}
VIT = {"depth": 2, "img_size": 64, "num_classes": 10}
FASTVIT = {"layers": (1, 1, 1, 1), "num_classes": 10}

CASES = [  # rewrite, architecture, arguments, places that change
    (mlp_to_convolution, "convnext_tiny", SMALL, 5),
    (mlp_to_convolution, "convnext_tiny", {**SMALL, "conv_bias": False, "ls_init_value": None}, 5),
    (mlp_to_convolution, "convnextv2_tiny", SMALL, 5),
    (mlp_to_convolution, "convnext_atto", SMALL, 0),
    (fold_layer_scale, "convnext_tiny", SMALL, 5),
    (fold_layer_scale, "convnext_atto", SMALL, 5),
    (fold_layer_scale, "inception_next_atto", {**SMALL, "num_classes": 10}, 5),
    (fold_layer_scale, "vit_small_patch14_reg4_dinov2", {**VIT, "img_size": 56}, 4),
    (fold_layer_scale, "efficientformerv2_s0", {"num_classes": 10}, 18),
    (fold_layer_scale, "mobilenetv4_hybrid_medium", {"num_classes": 10}, 30),
    (fold_layer_scale, "fastvit_sa12", FASTVIT, 5),
    (plain_grn, "convnextv2_tiny", SMALL, 5),
    (plain_grn, "convnextv2_atto", SMALL, 5),
    (norm_after_flatten, "convnext_atto", SMALL, 1),
    (norm_after_flatten, "convnext_atto", {**SMALL, "head_norm_first": True}, 0),
    (norm_after_flatten, "convnext_atto", {**SMALL, "head_hidden_size": 12}, 1),
    (norm_after_flatten, "convnext_atto", {**SMALL, "num_classes": 0, "global_pool": ""}, 0),
    (reparameterize, "mobileone_s0", {"num_classes": 10}, 43),
    (reparameterize, "repvit_m0_9", {"num_classes": 10}, 109),
    (reparameterize, "fastvit_t8", {"num_classes": 10}, 40),
    (reparameterize, "repvgg_a0", {"num_classes": 10}, 22),
    (reparameterize, "resnet18", {"num_classes": 10}, 0),
    (split_attention, "vit_tiny_patch16_224", VIT, 2),
    (split_attention, "vit_tiny_patch16_224", {**VIT, "qk_norm": True, "qkv_bias": False}, 2),
    (split_attention, "vit_small_patch14_reg4_dinov2", {**VIT, "img_size": 56}, 2),
    (split_attention, "fastvit_sa12", FASTVIT, 1),
    (edgenext_channels_first, "edgenext_xx_small", {"num_classes": 10}, 12),
]


def small_model(name: str, arguments: dict) -> tuple[nn.Module, torch.Tensor]:
    """A randomized model in float64 and an image of it, 64 pixels wide unless the architecture is bound."""
    model, image = random_model(name, size=64, **arguments)
    return model.double(), image.double()


def names(model: nn.Module) -> set[str]:
    return {type(module).__name__ for module in model.modules()}


def relative_error(expected: torch.Tensor, got: torch.Tensor) -> float:
    assert expected.std() > 1e-3  # an output that says something
    return float((got - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(
    ("function", "name", "arguments", "places"),
    CASES,
    ids=[f"{function.__name__}-{name}-{places}" for function, name, _, places in CASES],
)
@torch.no_grad()
def test_a_rewrite_changes_its_places_and_keeps_the_output(function, name, arguments, places):
    model, image = small_model(name, arguments)
    expected = model(image)
    with float64_arithmetic():
        assert function(model, (image,)) == places
    assert relative_error(expected, model(image)) < 1e-12


@pytest.mark.parametrize(
    ("function", "name", "arguments", "gone"),
    [
        (mlp_to_convolution, "convnext_tiny", {**SMALL, "num_classes": 0}, "Linear"),
        (fold_layer_scale, "efficientformerv2_s0", {}, "LayerScale2d"),
        (plain_grn, "convnextv2_atto", SMALL, "GlobalResponseNorm"),
        (reparameterize, "mobileone_s0", {}, "BatchNormAct2d"),
        (split_attention, "vit_tiny_patch16_224", VIT, "Attention"),
    ],
)
@torch.no_grad()
def test_what_a_rewrite_removes_is_gone_and_stays_gone(function, name, arguments, gone):
    model, image = small_model(name, arguments)
    assert gone in names(model)
    with float64_arithmetic():
        function(model, (image,))
        assert gone not in names(model)
        assert function(model, (image,)) == 0


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


def test_rewritten_attention_refuses_a_mask():
    model, image = small_model("vit_tiny_patch16_224", VIT)
    split_attention(model, (image,))
    with pytest.raises(ZooError, match="mask"):
        model.blocks[0].attn(torch.zeros(1, 4, 192).double(), attn_mask=torch.zeros(4, 4))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("convnext_tiny", SMALL),
        ("convnextv2_tiny", SMALL),
        ("convnext_atto", {**SMALL, "patch_size": 2}),
        ("edgenext_xx_small", {}),
        ("mobileone_s0", {}),
        ("resnet18", {}),
        ("tf_efficientnet_lite0", {}),
    ],
)
@torch.no_grad()
def test_all_rewrites_together_keep_a_float32_model(name, arguments):
    model, image = small_model(name, arguments)
    model, image = model.float(), image.float()
    untouched = deepcopy(model)
    counts = rewrite(model, image)
    assert [rewrite_name for rewrite_name, _ in counts] == [rewrite_name for rewrite_name, _ in REWRITES]
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert torch.get_default_dtype() == torch.float32
    assert relative_error(untouched(image), model(image)) < 1e-4
    if not any(count for _, count in counts):
        for before, after in zip(untouched.parameters(), model.parameters(), strict=True):
            assert torch.equal(before, after)


def test_a_rewrite_that_changes_the_output_is_refused_by_name(monkeypatch):
    def wrong(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
        model.head.fc.weight.mul_(1.0001)
        return 1

    model, image = random_model("convnext_atto", size=64, **SMALL)
    monkeypatch.setattr(rewrites, "REWRITES", (*REWRITES, ("wrong", wrong)))
    with pytest.raises(ZooError, match=r"convnext_atto.*'wrong'"):
        rewrite(model, image)
    assert torch.get_default_dtype() == torch.float32


def test_a_model_that_gives_nan_is_refused():
    model, image = random_model("convnext_atto", size=64, **SMALL)
    nn.init.constant_(model.head.fc.bias, float("nan"))
    with pytest.raises(ZooError, match="weights"):
        rewrite(model, image)


class Pair(nn.Module):
    """A ConvNeXt beside a vector, with outputs in a dictionary."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.side = model, nn.Linear(5, 10)

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> dict:
        found = self.model(image)
        return {"scores": found + self.side(vector), "rest": (found,)}


@torch.no_grad()
def test_rewrites_work_inside_a_model_of_several_inputs_and_outputs(monkeypatch):
    model, image = random_model("convnext_tiny", size=64, **SMALL)
    whole, inputs = Pair(model).eval(), (image, torch.randn(1, 5))
    expected = whole(*inputs)
    counts = dict(rewrite(whole, inputs))
    assert counts["Linear MLP to 1x1 convolution"] == counts["layer scale folded"] == 5
    found = whole(*inputs)
    assert relative_error(expected["scores"], found["scores"]) < 1e-4
    assert relative_error(expected["rest"][0], found["rest"][0]) < 1e-4

    def wrong(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
        model.side.weight.mul_(1.001)
        return 1

    monkeypatch.setattr(rewrites, "REWRITES", (*REWRITES, ("wrong", wrong)))
    with pytest.raises(ZooError, match=r"Pair.*'wrong'"):
        rewrite(whole, inputs)
