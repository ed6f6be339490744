"""Padding that cuts."""

import pytest
import torch
from timm.layers import create_pool2d
from torch import nn
from torch.nn import functional

from samples.few_dimensions import check_in_ncnn
from zoo.export.onnx import export_onnx
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

GENERATOR = torch.Generator().manual_seed(0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sides", [(-1, 1, -1, 1), (-1, -2, 0, -1), (2, -3)])
def test_it_is_right_in_ncnn(tmp_path, sides):
    """(-1, 1, -1, 1) is NASNet's (arXiv:1707.07012)."""
    torch.manual_seed(0)
    pad = nn.ZeroPad2d(sides) if len(sides) == 4 else nn.ConstantPad1d(sides, 0.5)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), pad, nn.AvgPool2d(1, 2, count_include_pad=False))
    image = torch.randn(1, 3, 17, 18, generator=GENERATOR)
    assert check_in_ncnn(model, image, tmp_path) == 2
    export_onnx(model, image, tmp_path / "model.onnx")  # which runs it in onnxruntime


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("side", [23, 24])
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_pooling_of_what_was_padded_before_is_right_in_ncnn(tmp_path, kind, side):
    """TensorFlow's "same": pnnx made a part of the pooling of it, which does not count it; and of minus
    infinity ncnn made 0."""
    torch.manual_seed(0)
    pool = create_pool2d(
        kind, 3, 2, padding="same", **({"count_include_pad": False} if kind == "avg" else {})
    )
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), pool)
    assert check_in_ncnn(model, torch.randn(1, 3, side, side, generator=GENERATOR), tmp_path) == 1


@pytest.mark.parametrize(
    ("sides", "options", "count"),
    [
        ((-1, 2), {}, 1),
        ((0, 0, -2, -1), {"value": 3.0}, 1),
        ((1, -1, 0, 0, -1, 2), {"value": 2.0}, 1),
        ((1, 2), {}, 0),
        ((-1, 1), {"mode": "reflect"}, 0),
    ],
)
def test_it_gives_what_torch_gives(sides, options, count):
    x = torch.randn(1, 3, 6, 7, generator=GENERATOR) if "mode" not in options else torch.randn(3, 6, 7)
    with FewDimensions() as mode:
        found = functional.pad(x, sides, **options)
    torch.testing.assert_close(found, functional.pad(x, sides, **options))
    assert mode.count == count
