"""Root mean square normalization as plain arithmetic."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from samples.few_dimensions import check_in_ncnn
from zoo.export.onnx import export_onnx
from zoo.export.rewrites.few_dimensions.mode import FewDimensions

IMAGE = torch.randn(1, 4, 12, 16, generator=torch.Generator().manual_seed(0))
WEIGHT = torch.randn(16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: functional.rms_norm(x, (16,)),
        lambda x: functional.rms_norm(x, (16,), WEIGHT, 1e-3),
        lambda x: functional.rms_norm(x, normalized_shape=(12, 16), eps=1e-6),
        lambda x: functional.rms_norm(x.view(1, 2, 2, 3, 4, 16).transpose(1, 3), (16,), WEIGHT).flatten(1),
    ],
)
def test_calls_give_what_torch_gives(call):
    with FewDimensions() as mode:
        found = call(IMAGE)
    torch.testing.assert_close(found, call(IMAGE))
    assert mode.count


class Normalized(nn.Sequential):
    """Tokens of an image."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(4, 8, 1), nn.Flatten(2), nn.Linear(192, 16), nn.RMSNorm(16, eps=1e-6), nn.Linear(16, 5)
        )


def test_tokens_reach_ncnn_and_onnx(tmp_path):
    torch.manual_seed(0)
    model = Normalized()
    model[3].weight.data = WEIGHT.clone()
    assert check_in_ncnn(model, IMAGE, tmp_path) == 1
    export_onnx(model, IMAGE, tmp_path / "model.onnx")
