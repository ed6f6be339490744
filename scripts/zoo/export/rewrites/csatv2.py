"""CSATv2: the cosine transform of its stem as one convolution, and its attention at a batch of one.

The stem takes patches of RGB to YCbCr, transforms, sorts, normalizes and mixes them: an affine map of each
patch, which is a convolution. Its spatial attention is of one number to itself where the batch is one: timm
multiplies (N, tokens) by (tokens, N), so that each picture's weight is its share among all pictures.
"""

import torch
from timm.models.csatv2 import LearnableDct2d, SpatialTransformerBlock
from torch import nn

from zoo.export.rewrites.modules import replace_modules


class SpatialTransformerOfOne(nn.Module):
    """The block on a batch of one: attention gives the values themselves. (1, 1, H, W) to the same shape."""

    def __init__(self, block: SpatialTransformerBlock) -> None:
        super().__init__()
        self.norm1, self.pos_embed = block.norm1, block.pos_embed
        self.norm2, self.mlp = block.norm2, block.mlp
        self.value = nn.Linear(1, 1, bias=False)
        self.value.weight = nn.Parameter(block.qkv.weight.detach()[2:].clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The values, and the MLP behind them."""
        size = x.shape
        tokens = self.pos_embed(self.norm1(x.flatten(2).transpose(1, 2)), (size[2], size[3]))
        x = x + self.value(tokens).transpose(1, 2).reshape(size)
        mixed: torch.Tensor = self.mlp(self.norm2(x.flatten(2).transpose(1, 2)))
        return x + mixed.transpose(1, 2).reshape(size)


def csatv2_convolutions(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Put a convolution in the place of the stem, and blocks for one picture in that of the attention;
    return how many."""

    def build(module: nn.Module) -> nn.Module | None:
        if isinstance(module, LearnableDct2d):
            return _as_convolution(module)
        return SpatialTransformerOfOne(module) if isinstance(module, SpatialTransformerBlock) else None

    return replace_modules(model, build)


@torch.no_grad()
def _as_convolution(stem: LearnableDct2d) -> nn.Conv2d:
    """The affine map of each patch, read from what becomes of the patches that hold a single one."""
    side, like = stem.k, stem.conv_y.weight
    units = torch.eye(3 * side * side, dtype=like.dtype, device=like.device).reshape(-1, 3, side, side)
    bias = stem(torch.zeros_like(units[:1])).flatten()
    weight = (stem(units).flatten(1) - bias).T
    made = nn.Conv2d(3, len(bias), side, side)
    made.weight = nn.Parameter(weight.reshape(-1, 3, side, side).contiguous())
    made.bias = nn.Parameter(bias)
    return made
