"""Torch's count of multiply-adds, against the formulas."""

import timm
import torch
from torch import nn

from zoo.models.flops import count_multiply_adds


def test_a_convolution_multiplies_each_weight_once_an_output_position():
    layer = nn.Conv2d(3, 8, kernel_size=(5, 3), stride=2, padding=1, groups=1)
    height, width = (20 + 2 - 5) // 2 + 1, (30 + 2 - 3) // 2 + 1
    assert count_multiply_adds(layer, [(3, 20, 30)]) == 8 * 3 * 5 * 3 * height * width
    depthwise = nn.Conv2d(6, 6, kernel_size=7, padding=3, groups=6)
    assert count_multiply_adds(depthwise, [(6, 9, 9)]) == 6 * 7 * 7 * 9 * 9


def test_a_linear_layer_and_a_product_of_two_inputs_count_and_elementwise_work_does_not():
    assert count_multiply_adds(nn.Sequential(nn.Linear(10, 4), nn.GELU(), nn.LayerNorm(4)), [(10,)]) == 40

    class Product(nn.Module):
        def forward(self, left, right):
            return left @ right

    assert count_multiply_adds(Product(), [(5, 7), (7, 3)]) == 5 * 7 * 3


def test_attention_is_counted_fused_or_not():
    """ViT-tiny with patches of 16 at 224 px: 197 tokens of 192, 3 heads, 12 blocks."""
    tokens, width = 197, 192
    block = 12 * width * width * tokens + 2 * tokens * tokens * width
    expected = 3 * 16 * 16 * width * 196 + 12 * block + width * 1000
    for fused in (True, False):
        with timm.layers.set_exportable(True):
            model = timm.create_model("vit_tiny_patch16_224").eval()
        for each in model.blocks:
            each.attn.fused_attn = fused
        assert count_multiply_adds(model, [(3, 224, 224)]) == expected


def test_counting_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count_multiply_adds(model, [(3, 8, 8)])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(parameter.grad is not None for parameter in model.parameters())


class Pooling(nn.Module):
    """Learned queries go through a layer first: a view of a parameter is a module's input."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.q = nn.Parameter(torch.randn(1, 3, 8)), nn.Linear(8, 4)

    def forward(self, x):
        return self.q(self.queries.expand(x.shape[0], -1, -1))


def test_a_view_of_a_parameter_as_a_modules_input_counts():
    model = Pooling().eval()
    assert count_multiply_adds(model, [(3, 8, 8)]) == 3 * 8 * 4
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_attention_of_torchs_encoder_counts_although_it_has_a_fast_path():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    assert count_multiply_adds(layer, [(5, 8)]) == 5 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 5 * 5 * 8


def test_a_figure_that_cannot_be_counted_is_none_and_no_error(caplog):
    class Broken(nn.Module):
        def forward(self, x):
            raise AssertionError("the counter stumbled")

    assert count_multiply_adds(Broken(), [(3, 8, 8)]) is None
    assert "multiply-adds are not counted (AssertionError: the counter stumbled)" in caplog.text
