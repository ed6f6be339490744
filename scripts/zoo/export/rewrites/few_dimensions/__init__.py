"""Windows, heads and parts of a tensor in at most four dimensions, which are all that ncnn has.

Swin (arXiv:2103.14030) and its kin view an image as (N, rows, window, columns, window, C), swap two of these,
and view it as windows; attention unbinds (3, N, heads, tokens, dim). Any such order of dimensions is also
reached by swapping two neighbours at a time, each in four dimensions with what lies before and behind as one
of them. `torch.roll` becomes slices and a concatenation, a slice with a step one of groups. The model's own
code is left alone: its calls are intercepted while it runs, so that a trace of it holds the other form, and
what nobody reads any more is dropped from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from zoo.export.rewrites.few_dimensions.operators import IN_FEW, in_few
from zoo.export.rewrites.few_dimensions.slices import rolled, steps_of, strided
from zoo.export.rewrites.few_dimensions.view import MOST, View, Views, shape_of

_RESHAPES = {"reshape", "view", "flatten", "unflatten", "reshape_as", "view_as", "unsqueeze", "squeeze"}
_ORDERS = {"permute", "transpose", "movedim", "swapaxes", "swapdims", "moveaxis"}
_PARTS = {"unbind", "select", "chunk", "split", "__getitem__", "__iter__"}
_SAME = {"contiguous", "clone"}


class FewDimensions(TorchFunctionMode):
    """While it is active, what a chain of views ends in is computed in few dimensions. count: of the places
    where it was."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._views = Views()

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if tensor is None:
            return func(*args, **kwargs)
        if name == "roll":
            turned = rolled(tensor, *args[1:], **kwargs)
            self.count += turned is not tensor
            return turned
        if name == "__getitem__" and not self._views.is_high(tensor) and (steps := steps_of(args[1], tensor)):
            self.count += 1
            return strided(tensor, steps)
        if name in IN_FEW and any(self._views.is_high(each) for each in args):
            made = in_few(self._views, func, args, kwargs)
            self.count += made is not None
            return func(*args, **kwargs) if made is None else made
        result = func(*args, **kwargs)
        if name in _RESHAPES:
            return self._reshaped(tensor, result)
        if (view := self._views.of(tensor)) is None:
            return result
        if name in _SAME:
            return self._views.keep(result, view)
        if name in _ORDERS:
            return self._views.keep(result, replace(view, order=_reordered(func, view, args, kwargs)))
        if name in _PARTS:
            return self._parts(name, view, result, args, kwargs)
        return result

    def _reshaped(self, tensor: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
        shape, view = shape_of(result), self._views.of(tensor)
        if view is not None and view.high:
            self.count += 1
            tensor = view.in_order()
            if len(shape) <= MOST:
                return tensor.reshape(shape)
        if len(shape) <= MOST:
            return result
        base = tensor if view is None or view.high else result
        return self._views.keep(
            result, View(base, shape, tuple(range(len(shape))), view is not None and view.high)
        )

    def _parts(
        self, name: str, view: View, result: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        dim = kwargs.get("dim", args[1] if name == "unbind" and len(args) > 1 else 0)
        if name in ("unbind", "__iter__"):
            parts = [
                self._placed(view.part(dim % len(view.shape), place)) for place in range(len(list(result)))
            ]
            return tuple(parts) if name == "unbind" else iter(parts)
        index = args[1] if name == "__getitem__" else args[2] if len(args) > 2 else kwargs.get("index")
        dim = args[1] if name == "select" and len(args) > 1 else dim
        if name in ("select", "__getitem__") and type(index) is int:
            size = view.shape[dim]
            return self._placed(view.part(dim % len(view.shape), index % size))
        return result

    def _placed(self, view: View) -> torch.Tensor:
        """A part as a tensor, in few dimensions if it has no more."""
        self.count += 1
        ordered = view.in_order()
        made = ordered.reshape(view.shape)
        if len(view.shape) <= MOST:
            return made
        return self._views.keep(made, View(ordered, view.shape, tuple(range(len(view.shape))), True))


def few_dimensions(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Have `model` run in few dimensions from now on, at the size of `example`; return at how many places."""
    mode = FewDimensions()
    with mode:
        model(*example)
    if mode.count:
        own = type(model)

        def forward(self: nn.Module, *inputs: torch.Tensor) -> Any:
            with FewDimensions():
                return own.forward(self, *inputs)

        model.__class__ = type(own.__name__, (own,), {"forward": forward, "__module__": own.__module__})
    return mode.count


def _reordered(
    func: Callable[..., Any], view: View, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[int, ...]:
    """The order of a view after an operator that reorders dimensions, which is asked with sizes that tell
    them apart."""
    told = torch.empty([2 + place for place in range(len(view.order))], device="meta")
    return tuple(view.order[size - 2] for size in shape_of(func(told, *args[1:], **kwargs)))
