"""Operators on tensors of many dimensions, computed in few."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from zoo.export.rewrites.few_dimensions.view import MOST, View, Views, shape_of

IN_FEW = {"softmax", "matmul", "__matmul__"} | {
    form.format(name)
    for name in ("add", "sub", "mul", "truediv", "div")
    for form in ("{}", "__{}__", "__r{}__")
}
"""Operators that do to (1, a, …) what they do to (a, …)."""


def in_few(
    views: Views, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """The operator on tensors without those dimensions that are 1 in all of them; None if that is not few."""
    tensors = [each for each in args if isinstance(each, torch.Tensor)]
    rank = max(each.dim() for each in tensors)
    shapes = [(1,) * (rank - each.dim()) + shape_of(each) for each in tensors]
    softmax = func.__name__ == "softmax"
    kept = rank if softmax else rank - 2 if "matmul" in func.__name__ else rank
    ones = [place for place in range(kept) if all(shape[place] == 1 for shape in shapes)]
    dims = [args[1] if len(args) > 1 else kwargs["dim"]] if softmax else []
    ones = [place for place in ones if place not in [dim % rank for dim in dims]]
    if rank - len(ones) > MOST:
        return None
    few = iter(_in_shape(views, each, shape, ones) for each, shape in zip(tensors, shapes, strict=True))
    given = [next(few) if isinstance(each, torch.Tensor) else each for each in args]
    if softmax:
        dim = dims[0] % rank
        dim -= sum(place < dim for place in ones)
        result = given[0].softmax(dim)
    else:
        result = func(*given, **kwargs)
    own = iter(shape_of(result))
    shape = tuple(1 if place in ones else next(own) for place in range(rank))
    return views.keep(result.reshape(shape), View(result, shape, tuple(range(rank)), True))


def _in_shape(views: Views, tensor: torch.Tensor, shape: Sequence[int], ones: Sequence[int]) -> torch.Tensor:
    return views.values(tensor).reshape([size for place, size in enumerate(shape) if place not in ones])
