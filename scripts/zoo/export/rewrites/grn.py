"""Global response normalization (ConvNeXt V2, arXiv:2301.00808) as plain arithmetic.

With G_c the L2 norm of channel c over the image and N_c = G_c / (mean G + eps), timm computes
x + addcmul(bias, weight, x N), whose `addcmul` ncnn does not have. The same is x (1 + weight N) + bias,
one pass over the image instead of four, and the bias goes into the bias of the layer behind it where that
is known.
"""

import torch
from timm.layers import GlobalResponseNormMlp
from timm.layers.grn import GlobalResponseNorm
from timm.models.csatv2 import Block
from torch import nn

from zoo.export.rewrites.modules import replace_modules

_BEHIND = {GlobalResponseNormMlp: "fc2", Block: "pwconv2"}
"""Modules with a GRN `grn`, and the layer behind it."""


class PlainGlobalResponseNorm(nn.Module):
    """GRN as x (1 + weight N) + bias, for NCHW or NHWC as timm's module that it is made of. with_bias: False
    leaves the bias to the layer behind it."""

    def __init__(self, grn: GlobalResponseNorm, with_bias: bool = True) -> None:
        super().__init__()
        self.eps, self.spatial_dim, self.channel_dim = grn.eps, grn.spatial_dim, grn.channel_dim
        self.weight = nn.Parameter(grn.weight.detach().view(grn.wb_shape))
        self.bias = nn.Parameter(grn.bias.detach().view(grn.wb_shape)) if with_bias else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape and layout stay as they are."""
        norm = x.norm(p=2, dim=self.spatial_dim, keepdim=True)
        norm = norm / (norm.mean(dim=self.channel_dim, keepdim=True) + self.eps)
        scale: torch.Tensor = norm * self.weight + 1
        return x * scale if self.bias is None else x * scale + self.bias


def plain_grn(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Rewrite every GRN, in place; return how many."""
    count = 0
    for block in model.modules():
        behind = next((name for kind, name in _BEHIND.items() if isinstance(block, kind)), None)
        if behind is not None and isinstance(block.grn, GlobalResponseNorm):
            layer = block.get_submodule(behind)
            shift = layer.get_parameter("weight").flatten(1) @ block.grn.bias
            layer.bias = nn.Parameter(shift if layer.bias is None else layer.bias + shift)
            block.grn = PlainGlobalResponseNorm(block.grn, with_bias=False)
            count += 1

    def build(module: nn.Module) -> nn.Module | None:
        return PlainGlobalResponseNorm(module) if isinstance(module, GlobalResponseNorm) else None

    return count + replace_modules(model, build)
