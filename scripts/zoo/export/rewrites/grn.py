"""Global response normalization (ConvNeXt V2, arXiv:2301.00808) as plain arithmetic.

With G_c the L2 norm of channel c over the image and N_c = G_c / (mean G + eps), timm computes
x + addcmul(bias, weight, x N), whose `addcmul` ncnn does not have. The same is x (1 + weight N) + bias,
one pass over the image instead of four, and the bias goes into the bias of the layer behind it.
"""

import torch
from timm.layers import GlobalResponseNormMlp
from timm.layers.grn import GlobalResponseNorm
from torch import nn


class PlainGlobalResponseNorm(nn.Module):
    """GRN without its bias: x (1 + weight N), for NCHW or NHWC as timm's module that it is made of."""

    def __init__(self, grn: GlobalResponseNorm) -> None:
        super().__init__()
        self.eps, self.spatial_dim, self.channel_dim = grn.eps, grn.spatial_dim, grn.channel_dim
        self.weight = nn.Parameter(grn.weight.detach().view(grn.wb_shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape and layout stay as they are."""
        norm = x.norm(p=2, dim=self.spatial_dim, keepdim=True)
        norm = norm / (norm.mean(dim=self.channel_dim, keepdim=True) + self.eps)
        scale: torch.Tensor = norm * self.weight + 1
        return x * scale


def plain_grn(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Rewrite the GRN of every `GlobalResponseNormMlp`, in place; return how many."""
    mlps = [m for m in model.modules() if isinstance(m, GlobalResponseNormMlp)]
    mlps = [mlp for mlp in mlps if isinstance(mlp.grn, GlobalResponseNorm)]
    for mlp in mlps:
        shift = mlp.fc2.weight.flatten(1) @ mlp.grn.bias
        mlp.fc2.bias = nn.Parameter(shift if mlp.fc2.bias is None else mlp.fc2.bias + shift)
        mlp.grn = PlainGlobalResponseNorm(mlp.grn)
    return len(mlps)
