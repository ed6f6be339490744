"""What the rewrites share."""

import pytest
import torch
from torch import nn

from zoo.export.rewrites.modules import (
    as_convolution,
    as_norm2d,
    float64_arithmetic,
    replace_modules,
    scale_outputs,
)


def test_a_module_that_lies_at_two_places_is_built_and_counted_once():
    shared = nn.ReLU()
    model = nn.Sequential(shared, nn.Sequential(shared, nn.Linear(2, 2)), nn.ReLU())
    made = replace_modules(model, lambda module: nn.GELU() if isinstance(module, nn.ReLU) else None)
    assert made == 2
    assert model[0] is model[1][0] and isinstance(model[0], nn.GELU) and isinstance(model[2], nn.GELU)
    assert isinstance(model[1][1], nn.Linear)


def test_what_was_built_is_not_searched_again_and_the_model_itself_stays():
    model = nn.Sequential(nn.Sequential(nn.ReLU()))

    def wrapped(module: nn.Module) -> nn.Module | None:
        return nn.Sequential(nn.Sequential(nn.ReLU())) if isinstance(module, nn.Sequential) else None

    assert replace_modules(model, wrapped) == 1
    assert isinstance(model[0][0][0], nn.ReLU)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(3, 4), (2, 5, 3)),
        (nn.Linear(3, 4, bias=False), (2, 5, 3)),
        (nn.Conv2d(3, 4, 3), (2, 3, 8, 8)),
        (nn.BatchNorm2d(4), (2, 4, 8, 8)),
    ],
)
@torch.no_grad()
def test_scaled_outputs_are_the_outputs_scaled(layer, shape):
    layer.eval()
    x, scale = torch.randn(shape), torch.tensor([0.5, -2.0, 0.0, 3.0])
    along = (1, 4, 1, 1) if len(shape) == 4 else (4,)
    expected = layer(x) * scale.view(along)
    scale_outputs(layer, scale)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_a_linear_layer_and_a_norm_have_the_same_effect_in_nchw(bias):
    linear, norm = nn.Linear(6, 4, bias=bias), nn.LayerNorm(6, eps=1e-3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    x = torch.randn(2, 5, 7, 6)
    nchw = x.permute(0, 3, 1, 2)
    torch.testing.assert_close(as_convolution(linear)(nchw).permute(0, 2, 3, 1), linear(x))
    torch.testing.assert_close(as_norm2d(norm)(nchw).permute(0, 2, 3, 1), norm(x))


def test_in_float64_new_tensors_are_double_and_all_is_as_before_behind_the_block():
    threads = torch.get_num_threads()
    with pytest.raises(KeyError), float64_arithmetic():
        assert torch.ones(1).dtype == torch.float64 and torch.get_num_threads() == 1
        raise KeyError
    assert torch.ones(1).dtype == torch.float32 and torch.get_num_threads() == threads
