"""Vectors of length one, along any dimension."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

GENERATOR = torch.Generator().manual_seed(0)


BY_HAND = {
    "as torch writes it": lambda x: x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12).expand_as(x),
    "vector_norm": lambda x: (
        x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(1e-6).expand_as(x)
    ),
    "linalg.norm": lambda x: x / torch.linalg.norm(x, dim=-1, keepdim=True),
    "by keyword": lambda x: functional.normalize(input=x, dim=-1),
    "of all": lambda x: x / torch.linalg.norm(x, keepdim=True),
}
"""Ways in which people divide by a norm."""


class Tokens(nn.Module):
    def __init__(self, last: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.stem, self.last = nn.Conv2d(3, 24, 4, 4), last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.stem(x).flatten(2).transpose(1, 2))


class CrossCovariance(nn.Module):
    """Attention between channels, of queries and keys that are as long as one: XCiT (arXiv:2106.09681)."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.stem, self.dim = nn.Conv2d(3, 24, 4, 4), dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(x).flatten(2).reshape(1, 3, 2, 4, -1)
        query, key, value = tokens.unbind(1)
        query, key = (functional.normalize(each, dim=self.dim) for each in (query, key))
        return ((query @ key.transpose(-2, -1)).softmax(-1) @ value).reshape(1, 8, -1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dim", [-1, 2])
def test_attention_of_unit_vectors_is_right_in_ncnn(tmp_path, dim):
    torch.manual_seed(0)
    image = torch.randn(1, 3, 16, 16, generator=GENERATOR)
    assert check_in_ncnn(CrossCovariance(dim), image, tmp_path) > 0


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"dim": -1}, 1),
        ({"dim": 2}, 1),
        ({}, 0),
        ({"dim": -3}, 0),
        ({"p": 1.0, "dim": -1}, 0),
        ({"dim": (2, 3)}, 0),
    ],
)
def test_it_gives_what_torch_gives(options, count):
    x = torch.randn(1, 3, 4, 5, generator=GENERATOR)
    x[0, 0] = 0
    with FewDimensions() as mode:
        found = functional.normalize(x, **options)
    torch.testing.assert_close(found, functional.normalize(x, **options))
    assert mode.count == count


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", BY_HAND)
def test_a_division_by_a_norm_is_right_in_ncnn_as_it_is_written(tmp_path, way):
    torch.manual_seed(0)
    check_in_ncnn(Tokens(BY_HAND[way]), torch.randn(1, 3, 16, 16, generator=GENERATOR), tmp_path)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"dim": -1}, 1),
        ({}, 1),
        ({"dim": (0, 1)}, 1),
        ({"ord": 1, "dim": 0}, 1),
        ({"ord": float("inf"), "dim": 1, "keepdim": True}, 1),
        ({"ord": "nuc"}, 0),
        ({"ord": 2, "dim": (0, 1)}, 0),
    ],
)
def test_norms_of_vectors_are_what_torch_gives(options, count):
    x = torch.randn(4, 5, generator=GENERATOR)
    with FewDimensions() as mode:
        found = torch.linalg.norm(x, **options)
    torch.testing.assert_close(found, torch.linalg.norm(x, **options))
    assert mode.count == count
