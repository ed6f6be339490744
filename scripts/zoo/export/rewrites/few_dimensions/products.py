"""`torch.einsum` of two tensors as one matrix product."""

import math
from collections.abc import Sequence

import torch

from zoo.export.rewrites.few_dimensions.view import View, Views, shape_of


def einsum(views: Views, equation: str, operands: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """What `torch.einsum` gives; None where it is no matrix product of two tensors."""
    given, _, out = equation.replace(" ", "").partition("->")
    names = given.split(",")
    if len(names) != len(operands) or len(names) != 2 or not _is_product(names, out):
        return None
    left, right = names
    sizes = {
        letter: size
        for each, tensor in zip(names, operands, strict=True)
        for letter, size in zip(each, shape_of(tensor), strict=True)
    }
    batch = [each for each in left if each in right and each in out]
    summed = [each for each in left if each in right and each not in out]
    rows, columns = ([each for each in name if each in out and each not in batch] for name in names)
    first = _in_groups(views, operands[0], left, sizes, [batch, rows, summed])
    second = _in_groups(views, operands[1], right, sizes, [batch, summed, columns])
    order = [*batch, *rows, *columns]
    shape = tuple(sizes[each] for each in order)
    return views.placed(View(first @ second, shape, tuple(order.index(each) for each in out), True))


def _is_product(names: Sequence[str], out: str) -> bool:
    """Whether no letter is twice in a tensor, and each in the other or in the result."""
    left, right = names
    letters = all(each.isalpha() and len(set(each)) == len(each) for each in (left, right, out))
    return letters and set(left) <= set(right + out) and set(right) <= set(left + out)


def _in_groups(
    views: Views, tensor: torch.Tensor, name: str, sizes: dict[str, int], groups: Sequence[Sequence[str]]
) -> torch.Tensor:
    """A tensor with a dimension for each group of letters, in this order."""
    view = views.of(tensor) or View(tensor, shape_of(tensor), tuple(range(len(name))), False)
    order = tuple(view.order[name.index(each)] for group in groups for each in group)
    values = View(view.base, view.sizes, order, view.high).in_order()
    return values.reshape([math.prod(sizes[each] for each in group) for group in groups])
