"""Small models for the rewrites, and what each rewrite is held to."""

import torch
from torch import nn

from samples.models import random_model
from zoo.export.rewrites import Rewrite
from zoo.export.rewrites.modules import float64_arithmetic

SMALL = {"depths": (1, 1, 2, 1), "dims": (8, 16, 24, 32), "num_classes": 10}
VIT = {"depth": 2, "img_size": 64, "num_classes": 10}
FASTVIT = {"layers": (1, 1, 1, 1), "num_classes": 10}


def small_model(name: str, arguments: dict) -> tuple[nn.Module, torch.Tensor]:
    """A randomized model in float64 and an image of it, 64 pixels wide unless the architecture is bound."""
    model, image = random_model(name, size=64, **arguments)
    return model.double(), image.double()


def names(model: nn.Module) -> set[str]:
    return {type(module).__name__ for module in model.modules()}


def relative_error(expected: torch.Tensor, got: torch.Tensor) -> float:
    assert expected.std() > 1e-3  # an output that says something
    return float((got - expected).abs().max() / expected.abs().max())


@torch.no_grad()
def check_places(function: Rewrite, name: str, arguments: dict, places: int) -> None:
    """Assert that a rewrite changes so many places of a model and keeps its output."""
    model, image = small_model(name, arguments)
    expected = model(image)
    with float64_arithmetic():
        assert function(model, (image,)) == places
    assert relative_error(expected, model(image)) < 1e-12


@torch.no_grad()
def check_gone(function: Rewrite, name: str, arguments: dict, gone: str) -> None:
    """Assert that a rewrite leaves no module of a class in a model, and does so once."""
    model, image = small_model(name, arguments)
    assert gone in names(model)
    with float64_arithmetic():
        function(model, (image,))
        assert gone not in names(model)
        assert function(model, (image,)) == 0
