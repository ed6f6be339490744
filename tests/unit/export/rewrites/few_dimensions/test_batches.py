"""Heads that are convolved and pooled as a batch."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

IMAGES = torch.randn(3, 4, 12, 16, generator=torch.Generator().manual_seed(0))
WEIGHT = torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: functional.conv2d(x, WEIGHT, torch.arange(6.0), groups=2, stride=2, padding=1),
        lambda x: functional.conv2d(x, WEIGHT, None, (2, 1), (1, 0), (1, 2), 2),
        lambda x: functional.max_pool2d(x, 3, 2, 1),
        lambda x: functional.avg_pool2d(x, (2, 3), ceil_mode=True),
    ],
)
def test_calls_give_what_torch_gives(call):
    with FewDimensions() as mode:
        found = call(IMAGES)
    assert mode.count == 1
    torch.testing.assert_close(found, call(IMAGES))
    with FewDimensions() as mode:
        call(IMAGES[:1])
    assert mode.count == 0


class PooledHeads(nn.Module):
    """Heads pooled by a convolution that all of them share, as in MViT (arXiv:2112.01526)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.qkv = nn.Conv2d(4, 8, 1), nn.Linear(8, 24)
        self.pool = nn.Conv2d(4, 4, 3, 2, 1, groups=4, bias=False)
        self.most = nn.MaxPool2d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(x).reshape(1, -1, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        q, k, v = (each.reshape(-1, 12, 16, 4).permute(0, 3, 1, 2) for each in (q, k, v))
        q, k, v = (
            each.reshape(1, 2, 4, -1).transpose(2, 3) for each in (self.pool(q), self.pool(k), self.most(v))
        )
        return torch.cat([q @ k.transpose(-2, -1), q @ v.transpose(-2, -1)], -1)


def test_pooled_heads_reach_ncnn(tmp_path):
    torch.manual_seed(0)
    assert check_in_ncnn(PooledHeads(), IMAGES[:1], tmp_path)
