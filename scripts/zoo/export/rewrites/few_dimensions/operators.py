"""Operators on tensors of many dimensions, computed in few: neighbours that are treated alike become one."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from zoo.export.rewrites.few_dimensions.view import MOST, View, Views, batch_behind, shape_of

_TWO = {
    form.format(name)
    for name in ("add", "sub", "mul", "truediv", "div")
    for form in ("{}", "__{}__", "__r{}__")
}
_PRODUCTS = {"matmul", "__matmul__"}
_REDUCTIONS = {"amax", "amin", "mean", "sum"}
_ALONG_ONE = {"softmax"}
_ONE = {"gelu", "relu", "silu", "sigmoid", "tanh", "exp", "neg", "__neg__"}
_LAST = {"linear", "layer_norm", "rms_norm"}
"""Operators on the last dimension, whatever lies before it."""
IN_FEW = _TWO | _PRODUCTS | _REDUCTIONS | _ALONG_ONE | _ONE | _LAST
"""Names of the operators that `in_few` knows."""

Function = Callable[..., Any]


@dataclass(frozen=True)
class _Call:
    """An operator on tensors, and the shapes of these, with as many dimensions each."""

    func: Function
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    shapes: Sequence[Sequence[int]]

    @classmethod
    def of(cls, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> "_Call":
        tensors = [each for each in args if isinstance(each, torch.Tensor)]
        rank = max(each.dim() for each in tensors)
        return cls(func, args, kwargs, [(1,) * (rank - each.dim()) + shape_of(each) for each in tensors])

    @property
    def name(self) -> str:
        return str(self.func.__name__)

    @property
    def dims(self) -> list[int]:
        """Those that the operator names, or, of a product, multiplies: all of them, where it names none."""
        rank = len(self.shapes[0])
        if self.name in _TWO:
            return []
        if self.name in _PRODUCTS:
            return [rank - 2, rank - 1]
        given = self.args[1] if len(self.args) > 1 else self.kwargs.get("dim")
        given = range(rank) if given is None else given
        return [each % rank for each in ([given] if isinstance(given, int) else given)]

    def groups(self) -> list[list[int]]:
        """The dimensions that stay apart, each with those that become one with it. What is 1 everywhere is in
        none."""
        sizes = [max(shape[place] for shape in self.shapes) for place in range(len(self.shapes[0]))]
        dims = self.dims
        kept = [place for place, size in enumerate(sizes) if size > 1 or place in dims]
        groups = [[place] for place in kept]
        if len(groups) <= MOST:
            return groups
        groups = []
        for place in kept:
            alike = groups and all(
                (shape[place] == sizes[place]) == (shape[groups[-1][0]] == sizes[groups[-1][0]])
                for shape in self.shapes
            )
            if alike and place not in dims and groups[-1][0] not in dims:
                groups[-1].append(place)
            else:
                groups.append([place])
        return groups

    def run(self, given: Sequence[Any], groups: Sequence[Sequence[int]]) -> torch.Tensor:
        """The operator on tensors in which each group is a dimension."""
        if self.name in _TWO | _PRODUCTS:
            result: torch.Tensor = self.func(*given, **self.kwargs)
            return result
        dims = [place for place, group in enumerate(groups) if group and group[0] in self.dims]
        if self.name in _ALONG_ONE:
            return torch.softmax(given[0], dims[0])
        result = getattr(torch, self.name)(given[0], dim=dims, keepdim=True)
        return result

    def shape(self) -> tuple[int, ...]:
        """Of the result."""
        told = iter(torch.empty(tuple(shape), device="meta") for shape in self.shapes)
        given = [next(told) if isinstance(each, torch.Tensor) else each for each in self.args]
        return shape_of(self.func(*given, **self.kwargs))


def in_few(
    views: Views, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """The operator on tensors, of which some are views, in few dimensions; None if there is no way."""
    if func.__name__ in _ONE | _LAST:
        return _on_base(views, func, args, kwargs)
    call = _Call.of(func, args, kwargs)
    groups = call.groups()
    if len(groups) > MOST or kwargs.get("dtype") is not None or kwargs.get("out") is not None:
        return None
    tensors = [each for each in args if isinstance(each, torch.Tensor)]
    if any(batch_behind(shape) for shape in call.shapes):
        groups = [[], *groups]  # the batch, in front
    few = iter(
        views.values(each).reshape([math.prod(shape[place] for place in group) for group in groups])
        for each, shape in zip(tensors, call.shapes, strict=True)
    )
    result = call.run([next(few) if isinstance(each, torch.Tensor) else each for each in args], groups)
    return views.known(result, call.shape())


def _on_base(
    views: Views, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """An operator on each number, or on the last dimension."""
    view = views.of(args[0])
    if view is None:
        return None
    if func.__name__ in _ONE:
        made = func(view.base, *args[1:], **kwargs)
        values = made.reshape(view.sizes).permute(view.order)
        return views.keep(values, View(made, view.sizes, view.order, True))
    if func.__name__ != "linear" and len(args[1] if len(args) > 1 else kwargs["normalized_shape"]) != 1:
        return None
    made = func(view.in_order().reshape(1, -1, view.shape[-1]), *args[1:], **kwargs)
    return views.known(made, (*view.shape[:-1], int(made.shape[-1])))
