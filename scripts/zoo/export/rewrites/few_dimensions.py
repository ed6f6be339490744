"""Windows, heads and parts of a tensor in at most four dimensions, which are all that ncnn has.

Swin (arXiv:2103.14030) and its kin view an image as (N, rows, window, columns, window, C), swap two of these,
and view it as windows; attention unbinds (3, N, heads, tokens, dim). Any such order of dimensions is also
reached by swapping two neighbours at a time, each in four dimensions with what lies before and behind as one
of them. `torch.roll` becomes slices and a concatenation, a slice with a step one of groups. The model's own
code is left alone: its calls are intercepted while it runs, so that a trace of it holds the other form, and
what nobody reads any more is dropped from it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

MOST = 4
"""Dimensions of a tensor of ncnn, which has no batch."""

_RESHAPES = {"reshape", "view", "flatten", "unflatten", "reshape_as", "view_as", "unsqueeze", "squeeze"}
_ORDERS = {"permute", "transpose", "movedim", "swapaxes", "swapdims", "moveaxis"}
_PARTS = {"unbind", "select", "chunk", "split", "__getitem__", "__iter__"}
_SAME = {"contiguous", "clone"}
_AS_FEW = {"softmax", "matmul", "__matmul__"} | {
    form.format(name)
    for name in ("add", "sub", "mul", "truediv", "div")
    for form in ("{}", "__{}__", "__r{}__")
}
"""Operators that do to (1, a, …) what they do to (a, …)."""


@dataclass(frozen=True)
class View:
    """A tensor of many dimensions, as one of few in another order.

    base: its numbers, read as `sizes`. order: which of these is each of the tensor's own dimensions. high:
    whether it is, or went through, more than ncnn has.
    """

    base: torch.Tensor
    sizes: tuple[int, ...]
    order: tuple[int, ...]
    high: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.sizes[place] for place in self.order)

    def part(self, dim: int, index: int) -> "View":
        """One slice along one of the tensor's dimensions, which is gone then."""
        place = self.order[dim]
        before, behind = math.prod(self.sizes[:place]), math.prod(self.sizes[place + 1 :])
        whole = self.base.reshape(before, self.sizes[place], behind)
        sizes = self.sizes[:place] + self.sizes[place + 1 :]
        order = tuple(each - (each > place) for each in self.order if each != place)
        return View(whole[:, index : index + 1].reshape(before, behind), sizes, order, True)

    def in_order(self) -> torch.Tensor:
        """The tensor's numbers in its own order, in few dimensions."""
        sizes, order, values = self.sizes, list(self.order), self.base
        for place in range(len(order)):
            found = order[place]
            if found == place:
                continue
            start, moved = sizes[:place], sizes[place:found]
            blocks = [math.prod(start), math.prod(moved), sizes[found], math.prod(sizes[found + 1 :])]
            values = values.reshape(blocks).permute(0, 2, 1, 3)
            sizes = (*start, sizes[found], *moved, *sizes[found + 1 :])
            order = [
                each + 1 if place <= each < found else place if each == found else each for each in order
            ]
        return values


class FewDimensions(TorchFunctionMode):
    """While it is active, what a chain of views ends in is computed in few dimensions. count: of the places
    where it was."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._views: dict[int, tuple[torch.Tensor, View]] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if tensor is None:
            return func(*args, **kwargs)
        if name == "roll":
            return self._rolled(tensor, *args[1:], **kwargs)
        if name == "__getitem__" and not self._is_high(tensor) and (steps := _steps(args[1], tensor)):
            self.count += 1
            return _strided(tensor, steps)
        if name in _AS_FEW and any(self._is_high(each) for each in args):
            return self._as_few(func, args, kwargs)
        result = func(*args, **kwargs)
        if name in _RESHAPES:
            return self._reshaped(tensor, result)
        if (view := self._view(tensor)) is None:
            return result
        if name in _SAME:
            return self._keep(result, view)
        if name in _ORDERS:
            return self._keep(result, replace(view, order=_reordered(func, view, args, kwargs)))
        if name in _PARTS:
            return self._parts(name, view, result, args, kwargs)
        return result

    def _view(self, tensor: torch.Tensor) -> View | None:
        kept = self._views.get(id(tensor))
        return None if kept is None else kept[1]

    def _is_high(self, each: Any) -> bool:
        return isinstance(each, torch.Tensor) and (view := self._view(each)) is not None and view.high

    def _keep(self, tensor: torch.Tensor, view: View) -> torch.Tensor:
        # a leading 1 is the batch, which ncnn does not have, if it was there before
        batch = view.shape[0] == _shape(view.base)[0] == 1
        view = replace(view, high=view.high or len(view.shape) - batch > MOST)
        self._views[id(tensor)] = tensor, view  # the tensor too: its id is no other's as long as it lives
        return tensor

    def _reshaped(self, tensor: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
        shape, view = _shape(result), self._view(tensor)
        if view is not None and view.high:
            self.count += 1
            tensor = view.in_order()
            if len(shape) <= MOST:
                return tensor.reshape(shape)
        if len(shape) <= MOST:
            return result
        base = tensor if view is None or view.high else result
        return self._keep(result, View(base, shape, tuple(range(len(shape))), view is not None and view.high))

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
        return self._keep(made, View(ordered, view.shape, tuple(range(len(view.shape))), True))

    def _as_few(self, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The operator on tensors without those dimensions that are 1 in all of them."""
        tensors = [each for each in args if isinstance(each, torch.Tensor)]
        rank = max(each.dim() for each in tensors)
        shapes = [(1,) * (rank - each.dim()) + _shape(each) for each in tensors]
        softmax = func.__name__ == "softmax"
        kept = rank if softmax else rank - 2 if "matmul" in func.__name__ else rank
        ones = [place for place in range(kept) if all(shape[place] == 1 for shape in shapes)]
        dims = [args[1] if len(args) > 1 else kwargs["dim"]] if softmax else []
        ones = [place for place in ones if place not in [dim % rank for dim in dims]]
        if rank - len(ones) > MOST:
            return func(*args, **kwargs)
        few = iter(self._in_shape(each, shape, ones) for each, shape in zip(tensors, shapes, strict=True))
        given = [next(few) if isinstance(each, torch.Tensor) else each for each in args]
        if softmax:
            dim = dims[0] % rank
            dim -= sum(place < dim for place in ones)
            result = given[0].softmax(dim)
        else:
            result = func(*given, **kwargs)
        self.count += 1
        own = iter(_shape(result))
        shape = tuple(1 if place in ones else next(own) for place in range(rank))
        return self._keep(result.reshape(shape), View(result, shape, tuple(range(rank)), True))

    def _in_shape(self, tensor: torch.Tensor, shape: Sequence[int], ones: Sequence[int]) -> torch.Tensor:
        view = self._view(tensor)
        values = tensor if view is None else view.in_order()
        return values.reshape([size for place, size in enumerate(shape) if place not in ones])

    def _rolled(self, tensor: torch.Tensor, shifts: Any, dims: Any = None) -> torch.Tensor:
        if dims is None or dims == ():
            return self._rolled(tensor.flatten(), shifts, 0).reshape(tensor.shape)
        pairs = zip(
            *(each if isinstance(each, tuple | list) else (each,) for each in (shifts, dims)), strict=True
        )
        for shift, dim in pairs:
            size = int(tensor.shape[dim])
            if first := int(shift) % size:
                self.count += 1
                start, end = torch.split(tensor, [size - first, first], dim)
                tensor = torch.cat([end, start], dim)
        return tensor


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
    return tuple(view.order[size - 2] for size in _shape(func(told, *args[1:], **kwargs)))


def _steps(index: Any, tensor: torch.Tensor) -> dict[int, tuple[int, int]]:
    """Of an index that takes every so many from some dimensions, and all of the others: the first and the
    step of each such dimension; empty for other indices."""
    index = index if isinstance(index, tuple) else (index,)
    if tensor.dim() > MOST:
        return {}
    if not all(isinstance(each, slice) or each is Ellipsis for each in index):
        return {}
    if Ellipsis in index:
        place = index.index(Ellipsis)
        index = index[:place] + (slice(None),) * (tensor.dim() - len(index) + 1) + index[place + 1 :]
    found = {}
    for dim, each in enumerate(index):
        start, stop, step = each.indices(int(tensor.shape[dim]))
        if step > 1 and start < step and stop == tensor.shape[dim] > start:
            found[dim] = start, step
        elif each != slice(None):
            return {}
    return found


def _strided(tensor: torch.Tensor, steps: Mapping[int, tuple[int, int]]) -> torch.Tensor:
    for dim, (start, step) in steps.items():
        tensor = _every(tensor, dim, start, step)
    return tensor


def _every(tensor: torch.Tensor, dim: int, start: int, step: int) -> torch.Tensor:
    """Every `step`-th of a dimension from `start` on, as the first of groups: ncnn cuts without steps."""
    shape = _shape(tensor)
    before, size, behind = math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])
    groups = -(-(size - start) // step)
    if (missing := groups * step - size) > 0:  # what is put there is never taken
        tensor = torch.cat([tensor, _first(tensor, dim, missing)], dim)
    elif missing < 0:
        tensor = _first(tensor, dim, groups * step)
    whole = tensor.reshape(before, groups, step, behind)
    return whole[:, :, start : start + 1].reshape(*shape[:dim], groups, *shape[dim + 1 :])


def _first(tensor: torch.Tensor, dim: int, size: int) -> torch.Tensor:
    return tensor[(*[slice(None)] * dim, slice(size))]  # pnnx does not know `narrow`


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor.shape)
