"""torch's attention on (tokens, N, C), which is its default, as attention on (N, tokens, C).

ncnn has no batch. pnnx takes the first dimension for it behind torch's linear layers and norms, whatever
`nn.MultiheadAttention` says, and the tokens are then gone.
"""

from typing import Any

import torch
from torch import nn

from zoo.export.rewrites.modules import replace_modules

SEQUENCES: dict[type[nn.Module], tuple[str, ...]] = {
    nn.MultiheadAttention: ("query", "key", "value"),
    nn.TransformerEncoderLayer: ("src",),
    nn.TransformerDecoderLayer: ("tgt", "memory"),
    nn.TransformerEncoder: ("src",),
    nn.TransformerDecoder: ("tgt", "memory"),
    nn.Transformer: ("src", "tgt"),
}
"""The first parameters of each class's forward, which are sequences; the others are masks, the same in both
orders."""


class BatchFirst(nn.Module):
    """A module of torch that takes (N, tokens, C), called with (tokens, N, C)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.batch_first = inner, False
        self.names = SEQUENCES[type(inner)]

    def __getattr__(self, name: str) -> Any:
        """What the model's code reads of the module that was here."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As that of the module, whose sequences are (tokens, N, C), or (tokens, C) without a batch."""
        sequences, others = args[: len(self.names)], args[len(self.names) :]
        named = {name: _swapped(value) if name in self.names else value for name, value in kwargs.items()}
        result = self.inner(*map(_swapped, sequences), *others, **named)
        return (_swapped(result[0]), *result[1:]) if isinstance(result, tuple) else _swapped(result)


def batch_first(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Wrap every such module of torch's own classes, the outermost, in place; return how many."""
    return replace_modules(model, _wrapped)


def _wrapped(module: nn.Module) -> BatchFirst | None:
    if type(module) not in SEQUENCES:
        return None
    parts = [each for each in module.modules() if isinstance(each, tuple(SEQUENCES))]
    attentions = [each for each in parts if isinstance(each, nn.MultiheadAttention)]
    own = all(type(each) in SEQUENCES for each in parts)  # what others override is not known
    if not own or not attentions or any(each.batch_first for each in attentions):
        return None
    for each in parts:
        if hasattr(each, "batch_first"):
            each.__dict__["batch_first"] = True
    return BatchFirst(module)


def _swapped(sequence: torch.Tensor) -> torch.Tensor:
    return sequence.transpose(0, 1) if sequence.dim() == 3 else sequence
