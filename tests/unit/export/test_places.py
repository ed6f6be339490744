"""Where operators stand in a model."""

import pytest
import torch
from torch import nn

from zoo.export.places import listed, places_of
from zoo.runners.torch_outputs import Flattened


class Rolling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.roll(x, 1, 2)


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stage = nn.Sequential(nn.ReLU(), Rolling())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.stage(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrap", [lambda model: model, Flattened, lambda model: torch.jit.script(model)])
def test_an_operator_is_found_in_the_module_that_calls_it(wrap):
    example = (torch.zeros(1, 3, 4, 4),)
    model = wrap(Outer().eval())
    assert places_of("aten::roll", model, example) == ["stage.1"]
    assert places_of("aten::flip", model, example) == []


def test_a_model_that_calls_it_itself_and_one_that_cannot_be_traced():
    assert places_of("aten::roll", Rolling(), (torch.zeros(1, 3, 4, 4),)) == ["the model itself"]
    assert places_of("aten::roll", Rolling(), (torch.zeros(3),)) == []


class ByItsWeight(nn.Module):
    """A module whose layer is never called: its weight is read."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.roll(x, 1, 2) @ self.fc.weight


@pytest.mark.filterwarnings("ignore")
def test_a_layer_that_is_never_called_is_no_place():
    model = nn.Sequential(ByItsWeight())
    assert places_of("aten::roll", model, (torch.zeros(1, 3, 4, 4),)) == ["0"]


def test_three_places_are_named():
    assert listed([]) == "" and listed(["a"]) == " in a"
    assert listed(list("abcde")) == " in a, b, c and 2 more"
