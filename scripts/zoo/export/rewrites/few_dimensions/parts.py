"""What is taken out of a tensor of many dimensions, or what it is spread over."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from zoo.export.rewrites.few_dimensions.view import View

PARTS = {"unbind", "__iter__", "select", "__getitem__", "chunk", "split", "expand", "expand_as"}
"""Names of the operators that `parts` knows."""


def parts(
    name: str, view: View, result: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[View] | View | None:
    """The views that an operator makes of one; None for what is not known here, and for what pnnx knows of a
    view that is not high. result: what torch gives."""
    if not view.high and (name in ("chunk", "split", "expand", "expand_as") or _is_range(name, args)):
        return None
    if name in ("unbind", "__iter__", "chunk", "split"):
        named = args[{"unbind": 1, "__iter__": 1}.get(name, 2) :]
        dim = kwargs.get("dim", named[0] if named else 0) % len(view.shape)
        if name in ("unbind", "__iter__"):
            return [view.part(dim, place) for place in range(view.shape[dim])]
        ends = list(accumulate(int(each.shape[dim]) for each in result))
        return [view.cut(dim, *limits) for limits in zip([0, *ends], ends, strict=False)]
    if name == "select":
        dim, index = (*args[1:], *(kwargs[key] for key in ("dim", "index") if key in kwargs))
        return view.part(dim % len(view.shape), index % view.shape[dim])
    if name == "__getitem__":
        return _indexed(view, args[1])
    return _expanded(view, tuple(result.shape))


def whole(index: Any, rank: int) -> list[Any]:
    """An index as a list: an integer, a slice or None each; empty for indices of other kinds."""
    listed = list(index) if isinstance(index, tuple) else [index]
    if not all(each is None or each is Ellipsis or type(each) in (int, slice) for each in listed):
        return []
    taken = sum(each is not None and each is not Ellipsis for each in listed)
    place = next((place for place, each in enumerate(listed) if each is Ellipsis), None)
    rest = [slice(None)] * (rank - taken)
    return [*listed, *rest] if place is None else [*listed[:place], *rest, *listed[place + 1 :]]


def adds_ones(index: Any) -> bool:
    """Whether all that an index does is to add dimensions of size 1."""
    listed = index if isinstance(index, tuple) else (index,)
    plain = all(each is None or each is Ellipsis or each == slice(None) for each in listed)
    return plain and any(each is None for each in listed)


def _is_range(name: str, args: Sequence[Any]) -> bool:
    return name == "__getitem__" and type(args[1]) is not int


def _indexed(view: View, index: Any) -> View | None:
    dim, listed = 0, whole(index, len(view.shape))
    for each in listed:
        if each is None:
            view = view.with_one(dim)
        elif isinstance(each, slice):
            start, stop, step = each.indices(view.shape[dim])
            if step != 1:
                return None
            if (start, stop) != (0, view.shape[dim]):
                view = view.cut(dim, start, stop)
        else:
            view = view.part(dim, each % view.shape[dim])
            continue
        dim += 1
    return view if listed else None


def _expanded(view: View, shape: tuple[int, ...]) -> View:
    for _ in range(len(shape) - len(view.shape)):
        view = view.with_one(0)
    for dim, size in enumerate(shape):
        if size != view.shape[dim]:
            view = view.repeated(dim, size)
    return view
