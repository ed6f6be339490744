"""Tokens before the batch, as torch's transformers and recurrent layers have them by default."""

from collections.abc import Callable

import pytest
import torch
from open_clip.modified_resnet import AttentionPool2d
from torch import nn

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

GENERATOR = torch.Generator().manual_seed(0)


class Tokens(nn.Module):
    """(1, 3, 16, 16) as (16, 1, 24), and what is done with these."""

    def __init__(self, last: Callable[["Tokens", torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.last, self.stem = last, nn.Conv2d(3, 24, 4, 4)
        self.norm, self.linear, self.head = nn.LayerNorm(24), nn.Linear(24, 24), nn.Linear(24, 5)
        self.token, self.gru = nn.Parameter(torch.randn(1, 1, 24)), nn.GRU(24, 24)
        self.position = nn.Parameter(torch.randn(17, 1, 24))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self, self.stem(x).flatten(2).permute(2, 0, 1))


def pooled_in_front(own, x):
    return own.norm(torch.cat([x.mean(0, keepdim=True), x]))[0]


WAYS = {
    "mean behind a norm": lambda own, x: own.head(own.norm(x).mean(0)),
    "largest behind a linear layer": lambda own, x: own.head(own.linear(x).amax(dim=0)),
    "weighted": lambda own, x: own.head((own.linear(x).softmax(0) * x).sum(0)),
    "class token": lambda own, x: own.head(own.norm(torch.cat([own.token, x], 0) + own.position)[0]),
    "mean as a token": pooled_in_front,
    "parts": lambda own, x: own.head(own.norm(x)[:5].mean(0) - own.norm(x)[5:].mean(0)),
    "unit vectors": lambda own, x: own.head((x / x.norm(dim=0, keepdim=True)).mean(0)),
    "lengths": lambda own, x: own.norm(x).norm(dim=-1).permute(1, 0),
    "channels behind": lambda own, x: torch.cat([own.norm(x), own.linear(x)], 2),
    "recurrent": lambda own, x: own.head(own.norm(own.gru(x)[0]).mean(0)),
    "as an image": lambda own, x: own.norm(x).permute(1, 2, 0).reshape(1, 24, 4, 4),
    "batch first": lambda own, x: own.head(own.norm(x).transpose(0, 1)[:, 0]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS)
def test_it_is_right_in_ncnn(tmp_path, way):
    torch.manual_seed(0)
    assert check_in_ncnn(Tokens(WAYS[way]), torch.randn(1, 3, 16, 16, generator=GENERATOR), tmp_path) > 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [4, 7])
def test_the_attention_pooling_of_clip_is_right_in_ncnn(tmp_path, side):
    """With 7 x 7 tokens, ncnn joined three dimensions to two, and read what was there before."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 64, 8, 8), AttentionPool2d(side, 64, 4, 32))
    assert check_in_ncnn(model, torch.randn(1, 3, 8 * side, 8 * side, generator=GENERATOR), tmp_path) > 0


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.cat([x, x], 1),
        lambda x: torch.cat([x[:1], x[:1]], 2),
        lambda x: x.norm(),
        lambda x: x.norm(dim=1),
        lambda x: x.norm(dim=(0, 2)),
        lambda x: x.mean(),
        lambda x: x.mean(1),
        lambda x: x.norm(p=1, dim=[2], keepdim=True),
        lambda x: x.sum((0, 2), keepdim=True),
        lambda x: torch.cat(tensors=[x, 2 * x], dim=-1),
        lambda x: x.transpose(0, 2).transpose(1, 2).squeeze(1),
    ],
)
def test_it_gives_what_torch_gives(function):
    x = torch.randn(1, 6, 5, generator=GENERATOR)
    with FewDimensions():
        found = function(x.permute(1, 0, 2))
    torch.testing.assert_close(found, function(x.permute(1, 0, 2)))
