"""Tensors whose batch of 1 is behind another dimension, as (tokens, 1, channels) of torch's transformers and
recurrent layers: ncnn has no batch, and pnnx takes the tokens for it behind norms and linear layers. They are
known as views of (1, tokens, channels)."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from zoo.export.rewrites.few_dimensions.view import View, Views, batch_behind, shape_of, with_batch_in_front


def adopted(views: Views, given: Iterable[Any]) -> None:
    """Have such tensors known as views, wherever they come from, unless they are parameters."""
    for each in given:
        if not isinstance(each, torch.Tensor) or isinstance(each, nn.Parameter) or views.of(each) is not None:
            continue
        if batch_behind(shape_of(each)):
            views.keep(each, with_batch_in_front(each, shape_of(each)))


def reordered(tensor: torch.Tensor, order: Sequence[int]) -> View | None:
    """A tensor (1, …) in another order, in which the 1 is not in front, as a view of one that has it there;
    None for others."""
    shape = shape_of(tensor)
    if len(shape) < 3 or shape[0] != 1 or shape[order[0]] == 1:
        return None
    others = [each for each in order if each]
    base = tensor if others == sorted(others) else tensor.permute(0, *others)
    places = tuple(0 if each == 0 else 1 + others.index(each) for each in order)
    return View(base, shape_of(base), places, True)


def joined(views: Views, tensors: Sequence[torch.Tensor], dim: int = 0) -> torch.Tensor | None:
    """What `torch.cat` gives if that is such a tensor, of the parts with the 1 in front; None for others."""
    if any(each.dim() != 3 or each.shape[1] != 1 for each in tensors) or dim % 3 == 1:
        return None
    shapes = [shape_of(each) for each in tensors]
    tokens = sum(shape[0] for shape in shapes) if dim % 3 == 0 else shapes[0][0]
    if tokens == 1:
        return None
    parts = [
        views.values(each).reshape(1, shape[0], shape[2]) for each, shape in zip(tensors, shapes, strict=True)
    ]
    base = torch.cat(parts, 1 if dim % 3 == 0 else 2)
    return views.known(base, (tokens, 1, int(base.shape[2])))


def norm(
    views: Views,
    input: torch.Tensor,
    p: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    out: torch.Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> torch.Tensor | None:
    """What `torch.norm` gives of such a tensor along its tokens or channels; None for others. The argument
    names are torch's, for calls by keyword."""
    dim = dim[0] if isinstance(dim, tuple | list) and len(dim) == 1 else dim
    shape = shape_of(input)
    if not batch_behind(shape) or not isinstance(dim, int) or dim % 3 == 1 or (out, dtype) != (None, None):
        return None
    made = torch.norm(views.values(input).reshape(1, shape[0], shape[2]), p, dim % 3 or 1, keepdim=True)
    whole = tuple(1 if place == dim % 3 else size for place, size in enumerate(shape))
    return views.known(made, whole if keepdim else whole[: dim % 3] + whole[dim % 3 + 1 :])
