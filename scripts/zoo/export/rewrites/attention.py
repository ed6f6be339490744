"""Self-attention written out: separate query, key and value projections, scores as a matrix product.

timm projects to queries, keys and values at once and unbinds the (3, N, heads, tokens, dim) tensor, which
has more dimensions than ncnn knows. Written out as below, pnnx recognizes the pattern and puts a single
MultiHeadAttention layer in its place; the fused kernel of torch would not export below ONNX opset 14.
"""

from typing import Any

import torch
from timm.layers import Attention
from timm.models import fastvit
from torch import nn

from zoo.errors import ZooError
from zoo.export.rewrites.modules import replace_modules


class SplitAttention(nn.Module):
    """Multi-head self-attention of (N, tokens, C), made of timm's `Attention` or FastViT's."""

    def __init__(self, attention: Attention | fastvit.Attention) -> None:
        super().__init__()
        self.num_heads, self.scale = attention.num_heads, attention.scale
        self.query, self.key, self.value = _split(attention.qkv)
        self.q_norm, self.k_norm, self.norm = (
            getattr(attention, name, nn.Identity()) for name in ("q_norm", "k_norm", "norm")
        )
        self.gate, self.proj = getattr(attention, "gate", None), attention.proj

    def forward(
        self, x: torch.Tensor, attn_mask: torch.Tensor | None = None, is_causal: bool = False
    ) -> torch.Tensor:
        """(N, tokens, C) to (N, tokens, C'). Raises ZooError if asked for a mask."""
        if attn_mask is not None or is_causal:
            raise ZooError(
                "attention with a mask cannot be exported to ncnn; the model was rewritten without one"
            )
        query, key, value = (_heads(layer(x), self.num_heads) for layer in (self.query, self.key, self.value))
        query, key = self.q_norm(query), self.k_norm(key)
        # `permute` and the scale behind the product: pnnx knows the pattern in this form
        scores = (query @ key.permute(0, 1, 3, 2)) * self.scale
        mixed = (scores.softmax(dim=-1) @ value).permute(0, 2, 1, 3)
        mixed = self.norm(mixed.reshape(*mixed.shape[:2], -1))
        if self.gate is not None:
            mixed = mixed * self.gate(x).sigmoid()
        output: torch.Tensor = self.proj(mixed)
        return output


class SplitAttention2d(nn.Module):
    """The same on the pixels of an image, as FastViT has it: (N, C, H, W) to (N, C, H, W)."""

    def __init__(self, attention: fastvit.Attention) -> None:
        super().__init__()
        self.attention = SplitAttention(attention)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attention between the H x W pixels."""
        mixed: torch.Tensor = self.attention(x.flatten(2).permute(0, 2, 1))
        return mixed.permute(0, 2, 1).reshape(x.shape)


def split_attention(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Write out every attention module that is known here, in place; return how many.

    Others that timm can run without the fused kernel (`fused_attn`) are switched to that form and counted.
    """
    written_out = {Attention: SplitAttention, fastvit.Attention: SplitAttention2d}
    count = replace_modules(
        model, lambda module: written_out[type(module)](module) if type(module) in written_out else None
    )
    fused: list[Any] = [module for module in model.modules() if getattr(module, "fused_attn", False)]
    for module in fused:
        module.fused_attn = False
    return count + len(fused)


def _split(linear: nn.Linear) -> list[nn.Linear]:
    """The three layers whose outputs, one after the other, are the output of `linear`."""
    parts = []
    biases = linear.bias.chunk(3) if linear.bias is not None else (None, None, None)
    for weight, bias in zip(linear.weight.chunk(3), biases, strict=True):
        part = nn.Linear(linear.in_features, len(weight), bias=bias is not None)
        part.weight = nn.Parameter(weight.detach().clone())
        part.bias = None if bias is None else nn.Parameter(bias.detach().clone())
        parts.append(part)
    return parts


def _heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(N, tokens, heads * dim) to (N, heads, tokens, dim)."""
    return x.reshape(*x.shape[:2], heads, -1).permute(0, 2, 1, 3)
