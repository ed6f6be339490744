"""What a MultiHeadAttention says of the widths of its inputs, and which of them are one blob."""

from dataclasses import replace

import pytest

from samples.ncnn import layer
from zoo.errors import ZooError
from zoo.ncnn.attention import is_self_attention, key_dim, query_dim, value_dim
from zoo.ncnn.layer import Layer

SELF = layer("MultiHeadAttention", "x", "a", "b", embed_dim=8, num_heads=2, weight_data_size=64)


def test_keys_and_values_are_as_wide_as_the_embedding_unless_they_say_otherwise():
    assert (query_dim(SELF), key_dim(SELF), value_dim(SELF)) == (8, 8, 8)
    other = layer("MultiHeadAttention", "x", "a", "b", embed_dim=8, weight_data_size=48, kdim=10, vdim=12)
    assert (query_dim(other), key_dim(other), value_dim(other)) == (6, 10, 12)


def test_attention_to_itself_has_one_input_and_perhaps_a_mask():
    assert is_self_attention(SELF)
    assert not is_self_attention(replace(SELF, inputs=("a", "c", "d")))
    masked = layer(
        "MultiHeadAttention", "x", "a mask", "b", embed_dim=8, num_heads=2, weight_data_size=64, attn_mask=1
    )
    assert is_self_attention(masked)
    assert not is_self_attention(replace(masked, inputs=("a",)))


@pytest.mark.parametrize("named", [{"kdim": 10}, {"vdim": 4}, {"kv_cache": 1}])
def test_other_widths_and_kept_keys_are_not(named):
    assert not is_self_attention(
        layer("MultiHeadAttention", "x", "a", "b", embed_dim=8, num_heads=2, weight_data_size=64, **named)
    )


def test_other_layers_are_not_even_without_an_embedding():
    assert not is_self_attention(Layer("Gemm", "x", ("a",), ("b",)))
    with pytest.raises(ZooError, match=r"layer x .*its embedding size, parameter 0, must be above 0"):
        query_dim(Layer("MultiHeadAttention", "x", ("a",), ("b",)))
