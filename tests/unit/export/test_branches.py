"""Branches of TorchScript that depend on what the input holds are named; those on sizes are none."""

import pytest
import torch
from torch import nn

from zoo.errors import ZooError
from zoo.export.branches import refuse_branches


class OnContent(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool(x.mean() > 0):
            x = -x
        return x


class Looping(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(int(x.max())):
            x = x + 1
        return x


class WhileLarge(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool(x.max() > 1):
            x = x / 2
        return x


class OnSize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[2] > 4:
            x = self.pool(x)
        for _ in range(2):
            x = x + 1
        return x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "named"),
    [
        (OnContent, r"prim::If \(test_branches\.py:\d+: if bool\(x\.mean\(\) > 0\)"),
        (Looping, r"prim::Loop \(test_branches\.py:\d+"),
        (WhileLarge, r"prim::Loop \(test_branches\.py:\d+"),
        (OnSize, None),
    ],
)
def test_what_depends_on_the_inputs_content_is_named_with_its_place(model, named):
    module = torch.jit.freeze(torch.jit.script(model().eval()))
    if named is None:
        refuse_branches(module)
        return
    with pytest.raises(ZooError, match=rf"depends on what its input holds, by {named}.*torch\.where"):
        refuse_branches(module)
