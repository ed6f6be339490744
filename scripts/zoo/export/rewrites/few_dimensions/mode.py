"""Windows, heads and parts of a tensor in at most four dimensions, which are all that ncnn has.

Swin (arXiv:2103.14030) and its kin view an image as (N, rows, window, columns, window, C), swap two of these,
and view it as windows; attention unbinds (3, N, heads, tokens, dim). Any such order of dimensions is also
reached by swapping two neighbours at a time, each in four dimensions with what lies before and behind as one
of them. Operators that ncnn or ONNX do not have become others in `_written_out`. The model's own
code is left alone: its calls are intercepted while it runs, so that a trace of it holds the other form, and
what nobody reads any more is dropped from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from zoo.export.rewrites.few_dimensions.assignments import IN_PLACE, Replaced, assigned
from zoo.export.rewrites.few_dimensions.batch_behind import adopted, joined, norm, reordered
from zoo.export.rewrites.few_dimensions.batches import convolved, pooled_each
from zoo.export.rewrites.few_dimensions.operators import IN_FEW, in_few
from zoo.export.rewrites.few_dimensions.padding import cut
from zoo.export.rewrites.few_dimensions.parts import PARTS, adds_ones, parts
from zoo.export.rewrites.few_dimensions.products import einsum
from zoo.export.rewrites.few_dimensions.rms_norm import rms_normalized
from zoo.export.rewrites.few_dimensions.slices import rolled, steps_of, strided
from zoo.export.rewrites.few_dimensions.unit_norm import limited_below, normalized, vector_norm
from zoo.export.rewrites.few_dimensions.view import MOST, View, Views, shape_of
from zoo.export.rewrites.few_dimensions.windows import folded, pooled, resized, windows
from zoo.export.rewrites.few_dimensions.written_out import has_list, picked, spread

_RESHAPES = {"reshape", "view", "flatten", "unflatten", "reshape_as", "view_as", "unsqueeze", "squeeze"}
_ORDERS = {"permute", "transpose", "movedim", "swapaxes", "swapdims", "moveaxis"}
_SAME = {"contiguous", "clone", "dropout"}
_FIRST = {"input", "tensors"}
"""What torch calls the first argument."""
_OF_VIEWS = IN_FEW | PARTS | _RESHAPES | {"norm"}
"""Names of the operators whose tensors may become views only here; not of those that reorder dimensions: by
these pnnx tells, inside of torch's attention, whether the batch is first."""


class FewDimensions(TorchFunctionMode):
    """While it is active, what a chain of views ends in is computed in few dimensions. count: of the places
    where it was."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._views, self._replaced = Views(), Replaced()

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
        for first in _FIRST.intersection(kwargs) if not args else ():
            args = (kwargs.pop(first),)
        if self._replaced:
            args, kwargs = self._replaced.now(tuple(args)), dict(kwargs)
        if name in _OF_VIEWS:
            adopted(self._views, args[:2])
        made = self._written_out(name, func, args, kwargs)
        if made is None and name in IN_FEW and any(map(self._views.is_high, args)):
            made = in_few(self._views, func, args, kwargs)
        if made is not None:
            self.count += made is not args[0]
            return made
        result = func(*args, **kwargs)
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        return result if tensor is None else self._followed(name, func, tensor, result, args, kwargs)

    def _written_out(
        self, name: str, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> torch.Tensor | None:
        """An operator in others; None if it is none of these, or needs it not."""
        match name:
            case "roll":
                return rolled(*args, **kwargs)
            case "fold":
                return folded(*args, **kwargs)
            case "adaptive_avg_pool2d":
                return pooled(*args, **kwargs)
            case "interpolate":
                return resized(*args, **kwargs)
            case "unfold" if func is not functional.unfold:
                return windows(self._views, *args, **kwargs)
            case "pad" if not self._views.is_high(args[0]):
                return cut(*args, **kwargs)
            case "var" | "std" if not self._views.is_high(args[0]):
                return spread(name, *args, **kwargs)
            case "__getitem__" if not self._views.is_high(args[0]) and has_list(args[1]):
                return picked(*args)
            case "conv2d":
                return convolved(args, kwargs)
            case "max_pool2d" | "avg_pool2d":
                return pooled_each(func, args, kwargs)
            case "normalize" if not self._views.is_high(args[0]):
                return normalized(*args, **kwargs)
            case "clamp_min" if not self._views.is_high(args[0]):
                return limited_below(*args, **kwargs)
            case "linalg_norm" if not self._views.is_high(args[0]):
                return vector_norm(*args, **kwargs)
            case "rms_norm" if not self._views.is_high(args[0]):
                return rms_normalized(*args, **kwargs)
            case "norm" if self._views.is_high(args[0]):
                return norm(self._views, *args, **kwargs)
            case "cat" | "concat" | "concatenate":
                return joined(self._views, *args, **kwargs)
            case "einsum":
                return einsum(self._views, args[0], args[1:])
            case "__getitem__" if not self._views.is_high(args[0]) and (steps := steps_of(args[1], args[0])):
                return strided(args[0], steps)
            case "__setitem__" if (now := assigned(*args)) is not None:
                self._replaced.put(args[0], now)
                return now
        if name in IN_PLACE and self._views.is_high(args[0]):
            now = in_few(self._views, getattr(torch, IN_PLACE[name]), args, kwargs)
            if now is not None:
                self._replaced.put(args[0], now)
            return now
        return None

    def _followed(
        self,
        name: str,
        func: Any,
        tensor: torch.Tensor,
        result: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """What an operator gave, as it is known from now on. tensor: the first of what it was given."""
        view = self._views.of(tensor)
        only_ones = name == "__getitem__" and not self._views.is_high(tensor) and adds_ones(args[1])
        if name in _RESHAPES or only_ones:
            return self._reshaped(tensor, result)
        if name in _ORDERS:
            made, placed = _ordered(self._views, func, result, args, kwargs)
            self.count += placed
            return made
        if view is None:
            return result
        if name in _SAME:
            return self._views.keep(result, view)
        if name in PARTS and (found := parts(name, view, result, args, kwargs)) is not None:
            return self._parts(found)
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

    def _parts(self, found: View | list[View]) -> Any:
        views = found if isinstance(found, list) else [found]
        self.count += len(views)
        made = tuple(map(self._views.placed, views))
        return made if isinstance(found, list) else made[0]


def few_dimensions(model: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Have `model` run in few dimensions from now on, at the size of `example`; return at how many places."""
    mode = FewDimensions()
    touched = _touched(model, example, mode)
    if mode.count:
        own = type(model)

        def forward(self: nn.Module, *inputs: torch.Tensor) -> Any:
            with FewDimensions():
                return own.forward(self, *inputs)

        model.__class__ = type(own.__name__, (own,), {"forward": forward, "__module__": own.__module__})
    for module in touched:  # pnnx takes torch's own modules by their class, whatever their forward does
        module.__class__ = type(type(module).__name__, (type(module),), {"__module__": __name__})
    return mode.count


def _touched(model: nn.Module, example: tuple[torch.Tensor, ...], mode: FewDimensions) -> list[nn.Module]:
    """Run a model, and tell in which of torch's own modules something was intercepted."""
    before: dict[nn.Module, int] = {}
    found: dict[nn.Module, None] = {}

    def start(module: nn.Module, _: Any) -> None:
        before[module] = mode.count

    def end(module: nn.Module, _: Any, __: Any) -> None:
        if mode.count > before[module]:
            found[module] = None

    leaves = [each for each in model.modules() if type(each).__module__.startswith("torch.nn.")]
    leaves = [each for each in leaves if not any(True for _ in each.children()) and each is not model]
    hooks = [each.register_forward_pre_hook(start) for each in leaves]
    hooks += [each.register_forward_hook(end) for each in leaves]
    try:
        with mode:
            model(*example)
    finally:
        for hook in hooks:
            hook.remove()
    return list(found)


def _ordered(
    views: Views, func: Any, result: torch.Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[torch.Tensor, bool]:
    """What an operator gave that reorders dimensions, as it is known from now on, and whether it has another
    form."""
    tensor, view = args[0], views.of(args[0])
    order = _order(func, tensor.dim(), args, kwargs)
    if view is None:
        view = reordered(tensor, order)
        return (result, False) if view is None else (views.keep(view.base.reshape(result.shape), view), False)
    view = replace(view, order=tuple(view.order[place] for place in order))
    if view.high and len(view.order) <= MOST and list(view.order) == sorted(view.order):
        return view.base.reshape(view.shape), True
    return views.keep(result, view), False


def _order(
    func: Callable[..., Any], rank: int, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[int, ...]:
    """Which dimension of a tensor each becomes by an operator that reorders them: it is asked with sizes that
    tell them apart."""
    told = torch.empty([2 + place for place in range(rank)], device="meta")
    return tuple(size - 2 for size in shape_of(func(told, *args[1:], **kwargs)))
