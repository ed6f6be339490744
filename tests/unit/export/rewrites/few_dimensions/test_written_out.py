"""Operators that ncnn has otherwise, or not at all."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

GENERATOR = torch.Generator().manual_seed(0)

WAYS = {
    "mean and deviation": lambda x: torch.cat([x.mean((2, 3)), x.std((2, 3))], 1),
    "normalized by hand": lambda x: (
        (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    ),
    "in another order": lambda x: x[:, [2, 0, 1, 5]],
    "around": lambda x: functional.pad(x, (1, 2, 3, 0), "circular"),
}


class Net(nn.Module):
    def __init__(self, way: str) -> None:
        super().__init__()
        self.stem, self.way = nn.Conv2d(3, 8, 3, 2), way

    def forward(self, x):
        return WAYS[self.way](self.stem(x))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS)
def test_it_is_right_in_ncnn(tmp_path, way):
    torch.manual_seed(0)
    assert check_in_ncnn(Net(way), torch.randn(1, 3, 17, 21, generator=GENERATOR), tmp_path) > 0


@pytest.mark.filterwarnings("ignore")
def test_a_convolution_that_goes_around_the_image_is_right_in_ncnn(tmp_path):
    """ncnn's padding has no such mode, and filled in zeros."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"))
    assert check_in_ncnn(model, torch.randn(1, 3, 12, 13, generator=GENERATOR), tmp_path) > 0


@pytest.mark.parametrize(
    ("function", "count"),
    [
        (lambda x: x.var(-1), 1),
        (lambda x: torch.std(x, dim=(1, 2), correction=2, keepdim=True), 1),
        (lambda x: x.std((0, 2), False), 1),
        (lambda x: x.var(), 0),
        (lambda x: functional.pad(x, (5, 2), "circular"), 1),
        (lambda x: functional.pad(x, (-1, 2), "circular"), 0),
        (lambda x: x[[-1, 0, 1]], 1),
        (lambda x: x[..., [0, 1]], 0),
        (lambda x: x[[0, 1], [1, 2]], 0),
    ],
)
def test_it_gives_what_torch_gives(function, count):
    x = torch.randn(3, 4, 5, generator=GENERATOR)
    with FewDimensions() as mode:
        found = function(x)
    torch.testing.assert_close(found, function(x))
    assert mode.count == count
