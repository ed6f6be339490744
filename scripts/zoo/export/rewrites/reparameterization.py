"""Reparameterization: parallel training branches merged into the one convolution they equal.

MobileOne (arXiv:2206.04040), RepViT (2307.09283), FastViT (2303.14189), RepVGG and others train several
branches per layer. timm knows how to merge each of them; without that, ncnn would run them all.
"""

import torch
from timm.utils.model import reparameterize_model
from torch import nn

_METHODS = ("fuse", "reparameterize", "switch_to_deploy")


def reparameterize(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Merge every module that timm can merge; return how many were replaced or lost parameters."""
    mergeable = [
        m for m in model.modules() if any(hasattr(m, method) for method in _METHODS) and m is not model
    ]
    before = [_tensors(module) for module in mergeable]
    reparameterize_model(model, inplace=True)
    kept = set(model.modules())
    return sum(m not in kept or _tensors(m) != n for m, n in zip(mergeable, before, strict=True))


def _tensors(module: nn.Module) -> int:
    return sum(1 for _ in module.parameters())
