"""Shifts and steps by slices: what torch gives."""

import pytest
import torch

from zoo.export.rewrites.few_dimensions.mode import FewDimensions

IMAGE = torch.randn(1, 8, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: torch.roll(x, 5),
        lambda x: x.roll(-3, -1),
        lambda x: torch.roll(x, (1, 0, 18), (1, 2, 3)),
        lambda x: x[:, ::2, ::3],
        lambda x: x[..., 1::5],
        lambda x: x[:, :, 4::5, 3::7],
        lambda x: x[:, 1::2, :6],
    ],
)
def test_calls_of_every_form_give_what_torch_gives(call):
    with FewDimensions():
        found = call(IMAGE)
    assert torch.equal(found, call(IMAGE))


def test_no_shift_is_none():
    with FewDimensions() as mode:
        assert torch.roll(IMAGE, (0, 16), (1, 3)) is IMAGE and mode.count == 0
