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
