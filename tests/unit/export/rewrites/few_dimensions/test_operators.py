"""Operators on many dimensions, computed in few: what torch gives."""

import pytest
import torch

from zoo.export.rewrites.few_dimensions import FewDimensions

IMAGE = torch.randn(1, 8, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.view(2, 2, 2, 12, 4, 4).softmax(3).reshape(8, 12, 16),
        lambda x: (x.view(1, 2, 4, 3, 4, 16) * 2 + x.view(1, 2, 4, 3, 4, 16)).reshape(x.shape),
    ],
)
def test_operators_give_what_torch_gives(call):
    with FewDimensions():
        found = call(IMAGE)
    assert torch.equal(found, call(IMAGE))
