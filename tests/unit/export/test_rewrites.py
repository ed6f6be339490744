"""The rewrites together: the same outputs as the untouched model."""

from copy import deepcopy

import pytest
import torch
from torch import nn

import zoo.export.rewrites as rewrites
from samples.models import random_model
from samples.rewrites import SMALL, relative_error, small_model
from zoo.errors import ZooError
from zoo.export.rewrites import REWRITES, rewrite


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
