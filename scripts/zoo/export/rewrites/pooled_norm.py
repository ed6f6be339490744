"""The norm between global pooling and the classifier, on the vector instead of the 1x1 image.

timm's `NormMlpClassifierHead` (ConvNeXt) pools to (N, C, 1, 1), normalizes, then flattens. On the flat
vector the same norm needs no Permute around it.
"""

import torch
from timm.layers import LayerNorm2d, NormMlpClassifierHead
from torch import nn


def norm_after_flatten(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Put the layer norm of every pooling `NormMlpClassifierHead` behind its flatten; return how many."""
    heads = [m for m in model.modules() if isinstance(m, NormMlpClassifierHead)]
    heads = [
        head for head in heads if isinstance(head.norm, LayerNorm2d) and isinstance(head.flatten, nn.Flatten)
    ]
    for head in heads:
        norm = nn.LayerNorm(head.norm.normalized_shape, head.norm.eps, head.norm.elementwise_affine)
        norm.weight, norm.bias = head.norm.weight, head.norm.bias
        head.flatten, head.norm = nn.Sequential(head.flatten, norm), nn.Identity()
    return len(heads)
