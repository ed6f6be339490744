"""Tensors of many dimensions as ones of few."""

import pytest
import torch

from zoo.export.rewrites.few_dimensions.view import View, Views


@pytest.mark.parametrize(
    "order", [(0, 1, 2, 3, 4, 5), (0, 1, 3, 2, 4, 5), (5, 0, 4, 1, 3, 2), (2, 4, 0, 3, 1, 5)]
)
def test_any_order_of_dimensions_is_reached_in_four(order):
    sizes = (2, 3, 4, 5, 6, 7)
    values = torch.arange(5040)
    expected = values.reshape(sizes).permute(order)
    assert torch.equal(View(values, sizes, order, True).in_order().flatten(), expected.flatten())
    part = View(values, sizes, order, True).part(2, 1)
    assert torch.equal(part.in_order().reshape(part.shape), expected.select(2, 1))


def test_what_is_known_of_a_tensor_is_known_by_identity():
    views, tensor = Views(), torch.arange(64).reshape(2, 2, 2, 2, 4)
    views.keep(tensor, View(torch.arange(64), (2, 2, 2, 2, 4), (0, 1, 2, 3, 4), False))
    assert views.is_high(tensor) and not views.is_high(tensor.clone()) and not views.is_high(3)
    assert views.of(tensor.clone()) is None
    assert torch.equal(views.values(tensor).flatten(), tensor.flatten())


def test_a_batch_of_one_is_no_dimension():
    views, tensor = Views(), torch.zeros(1, 2, 2, 2, 2)
    views.keep(tensor, View(torch.zeros(1, 16), (1, 2, 2, 2, 2), (0, 1, 2, 3, 4), False))
    assert not views.is_high(tensor)
