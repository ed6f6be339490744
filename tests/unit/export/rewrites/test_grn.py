"""Global response normalization as plain arithmetic."""

from copy import deepcopy

import pytest
import torch
from timm.layers.grn import GlobalResponseNorm
from torch import nn

from samples.rewrites import SMALL, check_gone, check_places
from zoo.export.rewrites.grn import plain_grn


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("convnextv2_tiny", SMALL, 5),
        ("convnextv2_atto", SMALL, 5),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(plain_grn, name, arguments, places)


def test_what_a_rewrite_removes_is_gone_and_stays_gone():
    check_gone(plain_grn, "convnextv2_atto", SMALL, "GlobalResponseNorm")


@pytest.mark.parametrize("last", [True, False])
def test_one_that_stands_alone_keeps_its_bias(last):
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(GlobalResponseNorm(6, channels_last=last)).double()
    for parameter in model.parameters():
        parameter.data = torch.randn(6, generator=generator).double()
    x = torch.randn((1, 4, 5, 6) if last else (1, 6, 4, 5), generator=generator).double()
    expected = deepcopy(model)(x)
    assert plain_grn(model, (x,)) == 1
    torch.testing.assert_close(model(x), expected)
