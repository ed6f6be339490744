"""Parts of tensors of many dimensions, and what they are spread over."""

import pytest
import torch

from zoo.export.rewrites.few_dimensions.mode import FewDimensions
from zoo.export.rewrites.few_dimensions.parts import adds_ones, whole

IMAGE = torch.randn(1, 8, 12, 16, generator=torch.Generator().manual_seed(0))


def many(x: torch.Tensor) -> torch.Tensor:
    return x.view(2, 4, 3, 4, 2, 8).permute(4, 0, 2, 1, 3, 5)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: many(x)[1],
        lambda x: many(x)[-1, :, 1:3].flatten(),
        lambda x: many(x)[..., 2:, 1].flatten(),
        lambda x: many(x)[:, None, 1, ..., 3:].flatten(2),
        lambda x: many(x).select(-1, 3).flatten(1),
        lambda x: many(x).select(dim=2, index=-1).flatten(1),
        lambda x: torch.cat([each.flatten(1) for each in many(x).split([1, 3], 3)], 1),
        lambda x: torch.cat([each.flatten(1) for each in many(x).chunk(2, dim=2)], 1),
        lambda x: torch.cat([each.flatten(1) for each in torch.unbind(many(x), dim=3)], 1),
        lambda x: x.view(8, 12, 1, 4, 4).expand(-1, -1, 3, -1, -1).permute(0, 2, 1, 4, 3).flatten(1),
        lambda x: x[0][:, :, :, None, None].expand(-1, -1, -1, 2, 3).flatten(1),
    ],
)
def test_calls_give_what_torch_gives(call):
    with FewDimensions() as mode:
        found = call(IMAGE)
    assert torch.equal(found, call(IMAGE)) and mode.count


def test_an_index_as_one_for_each_dimension():
    every = slice(None)
    assert whole((0, Ellipsis, slice(1, 2)), 4) == [0, every, every, slice(1, 2)]
    assert whole((None, 3), 2) == [None, 3, every]
    assert whole(torch.zeros(2, dtype=torch.bool), 2) == [] and whole((True, 0), 3) == []
    assert adds_ones((every, None)) and not adds_ones((0, None)) and not adds_ones(every)
