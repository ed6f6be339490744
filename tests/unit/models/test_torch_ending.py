"""How torch models end: in eager code, in traces and in scripts."""

import pytest
import torch
from torch import nn

from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.models.torch_ending import torch_ending, torch_step

FEED = Feed.image(Preprocess((8, 8)))
ENDS = {
    "logits": lambda x: x,
    "log_softmax": lambda x: torch.log_softmax(x, 1),
    "gated": lambda x: x * torch.sigmoid(x),
    "softmax": lambda x: torch.softmax(x, 1),
    "softmax, reshaped and cast": lambda x: x.double()[..., None, None].softmax(1).float().flatten(1),
    "softmax by hand": lambda x: x.exp() / x.exp().sum(1, keepdim=True),
    "mean of softmaxes": lambda x: (x.softmax(1) + (2 * x).softmax(1)) / 2,
    "sigmoid": lambda x: torch.sigmoid(x),
    "sigmoid in place": lambda x: x.sigmoid_().squeeze(0).unsqueeze(0),
    "sigmoid by hand": lambda x: 1 / (1 + torch.exp(-x)),
    "hardsigmoid": lambda x: nn.functional.hardsigmoid(x),
}
KINDS = {name: name.split(",")[0].split()[0].removeprefix("hard") for name in ENDS}
KINDS |= {"log_softmax": "logits", "gated": "logits", "mean of softmaxes": "probabilities"}
KINDS = {name: "probabilities" if kind == "softmax" else kind for name, kind in KINDS.items()}


class Net(nn.Module):
    def __init__(self, end: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.end = nn.Sequential(nn.Conv2d(3, 5, 8), nn.Flatten(), nn.Linear(5, 5)), ENDS[end]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(self.body(x))


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_model_tells_what_comes_out(name: str) -> None:
    model = Net(name).eval()
    traced = torch.jit.trace(model, torch.zeros(1, 3, 8, 8))
    for each in (model, traced, torch.jit.freeze(traced)):
        told = torch_ending(each, FEED)
        assert told.kind == KINDS[name]
        assert ("graph" in told.by) == ("by hand" not in name and "mean" not in name)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x.mean((2, 3))
        return torch.sigmoid(y) if bool(y.sum() > 0) else torch.sigmoid(-y)


@pytest.mark.filterwarnings("ignore")
def test_a_script_is_read_by_its_graph_and_a_branch_by_both_ways() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten(), nn.Dropout(), nn.Softmax(1))
    assert torch_step(torch.jit.script(net.eval()), FEED).kind == "probabilities"
    assert torch_step(torch.jit.script(Branching()), FEED).kind == "sigmoid"


def test_pooled_class_maps_are_logits_although_they_are_not_negative() -> None:
    """As in SqueezeNet."""
    head = (nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert torch_ending(nn.Sequential(*head), FEED).kind == "logits"
