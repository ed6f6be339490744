"""Einsum as a matrix product."""

import pytest
import torch
from torch import nn

from samples.few_dimensions import check_in_ncnn
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

GENERATOR = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("equation", "shapes", "count"),
    [
        ("bhwc,hkc->bhwk", ((2, 3, 4, 5), (3, 6, 5)), 1),
        ("bhwc,wkc->bhwk", ((2, 3, 4, 5), (4, 6, 5)), 1),
        ("byhwc,wkc->byhwk", ((1, 2, 3, 4, 5), (4, 6, 5)), 1),
        ("b i d, b j d -> b i j", ((2, 3, 4), (2, 5, 4)), 1),
        ("ij,jk->ki", ((3, 4), (4, 5)), 1),
        ("ij,kj->ik", ((3, 4), (5, 4)), 1),
        ("ij,ij->i", ((3, 4), (3, 4)), 1),
        ("ij,k->ik", ((3, 4), (5,)), 0),  # j is in one of them only
        ("ii,ij->ij", ((3, 3), (3, 4)), 0),
        ("...ij,jk->...ik", ((2, 3, 4), (4, 5)), 0),
        ("ij->ji", ((3, 4),), 0),
        ("ij,jk,kl->il", ((3, 4), (4, 5), (5, 6)), 0),
    ],
)
def test_equations_give_what_torch_gives(equation, shapes, count):
    operands = [torch.randn(shape, generator=GENERATOR) for shape in shapes]
    with FewDimensions() as mode:
        found = torch.einsum(equation, *operands)
    torch.testing.assert_close(found, torch.einsum(equation, *operands))
    assert mode.count == count


class RelativePosition(nn.Module):
    """Scores with the places of rows and columns apart, as in SAM (arXiv:2304.02643)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 8, 1)
        self.rows, self.columns = nn.Parameter(torch.randn(3, 3, 4)), nn.Parameter(torch.randn(5, 5, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = self.stem(x).flatten(2).reshape(2, 4, 15).transpose(1, 2)
        places = q.reshape(2, 3, 5, 4)
        rows = torch.einsum("bhwc,hkc->bhwk", places, self.rows)
        columns = torch.einsum("bhwc,wkc->bhwk", places, self.columns)
        bias = rows[:, :, :, :, None] + columns[:, :, :, None, :]
        return (q @ q.transpose(-2, -1) + bias.reshape(-1, 15, 15)).softmax(-1)


def test_relative_positions_reach_ncnn(tmp_path):
    torch.manual_seed(0)
    image = torch.randn(1, 4, 3, 5, generator=GENERATOR)
    assert check_in_ncnn(RelativePosition(), image, tmp_path) >= 3
