"""Operators on many dimensions, computed in few: what torch gives."""

import pytest
import torch

from zoo.export.rewrites.few_dimensions.mode import FewDimensions

WEIGHT = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
IMAGE = torch.randn(1, 8, 12, 16, generator=torch.Generator().manual_seed(0))


def many(x: torch.Tensor) -> torch.Tensor:
    return x.view(2, 4, 3, 4, 2, 8).permute(4, 0, 2, 1, 3, 5)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: many(x).softmax(3).reshape(8, 12, 16),
        lambda x: torch.nn.functional.softmax(many(x), dim=-2).reshape(8, 12, 16),
        lambda x: (x.view(1, 2, 4, 3, 4, 16) * 2 + x.view(1, 2, 4, 3, 4, 16)).reshape(x.shape),
        lambda x: (many(x) - many(x)[:1]).flatten(),
        lambda x: (many(x)[:, :, :, :1] + many(x)[..., :1, :1]).flatten(),
        lambda x: (1 / many(x)).flatten(1),
        lambda x: (many(x) @ many(x).transpose(-2, -1)).flatten(1),
        lambda x: many(x).amax(dim=3).flatten(1),
        lambda x: many(x).mean((1, 2), keepdim=True).flatten(1),
        lambda x: many(x).sum(-1).flatten(1),
        lambda x: torch.nn.functional.gelu(many(x)).flatten(1),
        lambda x: torch.sigmoid(-many(x)).transpose(0, 3).flatten(1),
        lambda x: torch.nn.functional.layer_norm(many(x), (8,)).flatten(1),
        lambda x: torch.nn.functional.linear(many(x), WEIGHT).flatten(1),
    ],
)
def test_operators_give_what_torch_gives(call):
    with FewDimensions() as mode:
        found = call(IMAGE)
    torch.testing.assert_close(found, call(IMAGE))
    assert mode.count
