"""A tensor of many dimensions, as one of few in another order of its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

MOST = 4
"""Dimensions of a tensor of ncnn, which has no batch."""


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
        *before, _, behind = self._around(place)
        sizes = self.sizes[:place] + self.sizes[place + 1 :]
        order = tuple(each - (each > place) for each in self.order if each != place)
        return View(self.cut(dim, index, index + 1).base.reshape(*before, behind), sizes, order, True)

    def cut(self, dim: int, start: int, stop: int) -> "View":
        """A range of one of the tensor's dimensions."""
        place = self.order[dim]
        around = self._around(place)
        values = self.base.reshape(around)[(*[slice(None)] * (len(around) - 2), slice(start, stop))]
        return View(values, self._with(place, stop - start), self.order, True)

    def with_one(self, dim: int) -> "View":
        """With one more dimension, of size 1, at this place."""
        order = (*self.order[:dim], len(self.sizes), *self.order[dim:])
        return View(self.base, (*self.sizes, 1), order, self.high)

    def repeated(self, dim: int, times: int) -> "View":
        """A dimension of size 1, so many times."""
        place = self.order[dim]
        *before, _, behind = self._around(place)
        values = torch.cat([self.base.reshape(*before, behind)] * times, len(before))
        return View(values, self._with(place, times), self.order, True)

    def windows(self, dim: int, size: int, step: int) -> "View":
        """Overlapping windows of a dimension, and a last dimension for what each holds."""
        place = self.order[dim]
        starts = range(0, self.sizes[place] - size + 1, step)
        parts = [self.cut(dim, start, start + size).base for start in starts]
        values = torch.cat(parts, parts[0].dim() - 2)
        sizes = (*self.sizes[:place], len(starts), size, *self.sizes[place + 1 :])
        order = (*(each + (each > place) for each in self.order), place + 1)
        return View(values, sizes, order, True)

    def _with(self, place: int, size: int) -> tuple[int, ...]:
        return (*self.sizes[:place], size, *self.sizes[place + 1 :])

    def _around(self, place: int) -> tuple[int, ...]:
        """The sizes of what lies before and behind one of `sizes`, and of itself, second to last.

        The batch stays apart: pnnx would take another dimension of 1 for it.
        """
        before, behind = math.prod(self.sizes[:place]), math.prod(self.sizes[place + 1 :])
        batch = (1,) if self.sizes[0] == 1 < before else ()
        return (*batch, before, self.sizes[place], behind)

    def in_order(self) -> torch.Tensor:
        """The tensor's numbers in its own order, in few dimensions."""
        sizes, order, values = self.sizes, list(self.order), self.base
        for place in range(len(order)):
            found = order[place]
            if found == place:
                continue
            start, moved = sizes[:place], sizes[place:found]
            blocks = [math.prod(start), math.prod(moved), sizes[found], math.prod(sizes[found + 1 :])]
            if 1 not in blocks[1:3]:
                values = values.reshape(blocks).permute(0, 2, 1, 3)
            sizes = (*start, sizes[found], *moved, *sizes[found + 1 :])
            order = [
                each + 1 if place <= each < found else place if each == found else each for each in order
            ]
        return values


def batch_behind(shape: Sequence[int]) -> bool:
    """Whether it is the shape of (tokens, 1, channels)."""
    return len(shape) == 3 and shape[1] == 1 < shape[0]


def with_batch_in_front(values: torch.Tensor, shape: Sequence[int]) -> View:
    """Numbers in the order of (tokens, 1, channels), their shape, as a view with the 1 in front."""
    sizes = (1, shape[0], shape[2])
    return View(values.reshape(sizes), sizes, (1, 0, 2), True)


class Views:
    """The tensors that are known as views."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[torch.Tensor, View]] = {}

    def of(self, tensor: torch.Tensor) -> View | None:
        kept = self._kept.get(id(tensor))
        return None if kept is None else kept[1]

    def is_high(self, each: Any) -> bool:
        """Whether it is a tensor that has, or went through, more dimensions than ncnn has."""
        return isinstance(each, torch.Tensor) and (view := self.of(each)) is not None and view.high

    def keep(self, tensor: torch.Tensor, view: View) -> torch.Tensor:
        """The tensor, known as a view from now on."""
        # a leading 1 is the batch, which ncnn does not have, if it was there before
        batch = view.shape[0] == shape_of(view.base)[0] == 1
        view = replace(view, high=view.high or len(view.shape) - batch > MOST)
        self._kept[id(tensor)] = tensor, view  # the tensor too: its id is no other's as long as it lives
        return tensor

    def placed(self, view: View) -> torch.Tensor:
        """A view as a tensor, in few dimensions if it has no more."""
        return self.known(view.in_order(), view.shape)

    def known(self, values: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Numbers in their order as a tensor of that shape, which is known as a view of them if it has many
        dimensions, or its batch of 1 is behind another."""
        made = values.reshape(shape)
        if batch_behind(shape):
            return self.keep(made, with_batch_in_front(values, shape))
        if len(shape) <= MOST:
            return made
        return self.keep(made, View(values, shape, tuple(range(len(shape))), True))

    def values(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor's numbers in its own order, in few dimensions."""
        view = self.of(tensor)
        return tensor if view is None else view.in_order()


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor.shape)
