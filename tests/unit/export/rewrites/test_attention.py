"""Self-attention written out."""

import pytest
import torch

from samples.rewrites import FASTVIT, VIT, check_gone, check_places, small_model
from zoo.errors import ZooError
from zoo.export.rewrites.attention import split_attention


@pytest.mark.parametrize(
    ("name", "arguments", "places"),
    [
        ("vit_tiny_patch16_224", VIT, 2),
        ("vit_tiny_patch16_224", {**VIT, "qk_norm": True, "qkv_bias": False}, 2),
        ("vit_small_patch14_reg4_dinov2", {**VIT, "img_size": 56}, 2),
        ("fastvit_sa12", FASTVIT, 1),
    ],
)
def test_a_rewrite_changes_its_places_and_keeps_the_output(name, arguments, places):
    check_places(split_attention, name, arguments, places)


def test_what_a_rewrite_removes_is_gone_and_stays_gone():
    check_gone(split_attention, "vit_tiny_patch16_224", VIT, "Attention")


def test_rewritten_attention_refuses_a_mask():
    model, image = small_model("vit_tiny_patch16_224", VIT)
    split_attention(model, (image,))
    with pytest.raises(ZooError, match="mask"):
        model.blocks[0].attn(torch.zeros(1, 4, 192).double(), attn_mask=torch.zeros(4, 4))
