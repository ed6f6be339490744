"""What is written into a tensor, as a new one."""

import pytest
import torch
from torch import nn

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

IMAGE = torch.randn(1, 4, 12, 16, generator=torch.Generator().manual_seed(0))


def _inside(x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x[:, :, 1:, 2:-2] = x[:, :, 1:, 2:-2] * 2
    return x + 1


def _all(x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x[..., :, 0:] = x.flip(-1)
    return torch.cat([x, x])


def _twice(x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x[:, :2] = x[:, 2:]
    x[:, :, 3:5] = x[:, :, 5:7]
    return x.sum(1)


def _in_place(x: torch.Tensor) -> torch.Tensor:
    y = x.view(2, 2, 3, 4, 4, 4).transpose(1, 2)
    y = y * 1
    y += x.view(2, 2, 3, 4, 4, 4).transpose(1, 2)
    y.mul_(3)
    return y.reshape(2, -1)


def _one_number(x: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x[0, 1] = 5.0
    return x + 1


@pytest.mark.parametrize(
    ("call", "counted"),
    [(_inside, True), (_all, True), (_twice, True), (_in_place, True), (_one_number, False)],
)
def test_assignments_of_every_form_give_what_torch_gives(call, counted):
    with FewDimensions() as mode:
        found = call(IMAGE.clone())
    torch.testing.assert_close(found, call(IMAGE.clone()))
    assert bool(mode.count) == counted


class Assigning(nn.Module):
    """A bias on all but the first token, as in MViT (arXiv:2112.01526)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bias = nn.Conv2d(4, 4, 1), nn.Parameter(torch.randn(11, 15))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x[:, :, 1:, 1:] = x[:, :, 1:, 1:] + self.bias
        return x.softmax(-1)


def test_an_assignment_reaches_ncnn(tmp_path):
    torch.manual_seed(0)
    assert check_in_ncnn(Assigning(), IMAGE, tmp_path) == 1
