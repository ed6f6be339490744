"""EdgeNeXt (arXiv:2206.10589) in NCHW throughout.

timm alternates between NCHW, NHWC and tokens, and splits channels into uneven chunks, which ncnn makes
otherwise than torch. The blocks here compute the same with 1x1 convolutions and explicit sizes.
"""

from typing import Any

import torch
from timm.layers import LayerScale2d
from timm.models import edgenext
from torch import nn

from zoo.export.rewrites.few_dimensions.unit_norm import normalized
from zoo.export.rewrites.modules import as_convolution, as_norm2d, replace_modules


class ConvBlock(nn.Module):
    """Depthwise convolution and MLP, as in ConvNeXt, with the shortcut behind it where it strides."""

    def __init__(self, block: edgenext.ConvBlock) -> None:
        super().__init__()
        self.shortcut_after_dw = block.shortcut_after_dw
        self.conv_dw, self.mlp = block.conv_dw, _InvertedBottleneck(block)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        y = self.conv_dw(x)
        shortcut = y if self.shortcut_after_dw else x
        return torch.add(shortcut, self.mlp(y))


class SplitTransposeBlock(nn.Module):
    """Depthwise convolutions in a cascade over groups of channels, then attention between channels."""

    def __init__(self, block: edgenext.SplitTransposeBlock) -> None:
        super().__init__()
        self.convs, self.pos_embd = block.convs, block.pos_embd
        self.norm, self.attention = as_norm2d(block.norm_xca), CrossCovarianceAttention(block.xca)
        self.layer_scale = _layer_scale(block.gamma_xca)
        self.mlp = _InvertedBottleneck(block)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same shape."""
        sizes = [part.shape[1] for part in x.chunk(len(self.convs) + 1, dim=1)]
        first, *others = torch.split(x, sizes, dim=1)
        parts = [self.convs[0](first)]
        for conv, part in zip(self.convs[1:], others, strict=False):
            parts.append(conv(parts[-1] + part))
        y = torch.cat([*parts, others[-1]], dim=1)
        if self.pos_embd is not None:
            y = y + self.pos_embd((x.shape[0], x.shape[2], x.shape[3]))
        y = y + self.layer_scale(self.attention(self.norm(y)))
        return torch.add(x, self.mlp(y))


class CrossCovarianceAttention(nn.Module):
    """Attention between channels instead of pixels (XCiT, arXiv:2106.09681)."""

    def __init__(self, attention: edgenext.CrossCovarianceAttn) -> None:
        super().__init__()
        self.num_heads, self.temperature = attention.num_heads, attention.temperature
        self.qkv, self.proj = as_convolution(attention.qkv), as_convolution(attention.proj)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same shape."""
        query, key, value = (
            part.reshape(x.shape[0], self.num_heads, -1, x.shape[2] * x.shape[3])
            for part in self.qkv(x).chunk(3, dim=1)
        )
        scores = _unit(query) @ _unit(key).transpose(2, 3) * self.temperature
        output: torch.Tensor = self.proj((scores.softmax(dim=-1) @ value).reshape(x.shape))
        return output


class _InvertedBottleneck(nn.Sequential):
    """Norm, MLP and layer scale of either block."""

    def __init__(self, block: Any) -> None:
        fc1, fc2 = as_convolution(block.mlp.fc1), as_convolution(block.mlp.fc2)
        super().__init__(as_norm2d(block.norm), fc1, block.mlp.act, fc2, _layer_scale(block.gamma))


def edgenext_channels_first(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Put the blocks above in the place of timm's; return how many."""
    kinds = {edgenext.ConvBlock: ConvBlock, edgenext.SplitTransposeBlock: SplitTransposeBlock}
    return replace_modules(
        model, lambda module: kinds[type(module)](module) if type(module) in kinds else None
    )


def _layer_scale(gamma: nn.Parameter | None) -> nn.Module:
    if gamma is None:
        return nn.Identity()
    scale: nn.Module = LayerScale2d(len(gamma))
    scale.gamma = gamma
    return scale


def _unit(x: torch.Tensor) -> torch.Tensor:
    found = normalized(x, dim=-1)
    assert found is not None
    return found
