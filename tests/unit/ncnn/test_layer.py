"""A layer by itself: its parameters by id, its name in messages, and which arrays are scales."""

import pytest

from zoo.errors import ZooError
from zoo.ncnn.layer import Layer, is_scale
from zoo.ncnn.param_ids import Convolution

LAYER = Layer("Convolution", "conv", ("a",), ("b",), {Convolution.NUM_OUTPUT: 4, Convolution.PAD_VALUE: 0.5})


def test_an_integer_parameter_has_a_default():
    assert LAYER.param(Convolution.NUM_OUTPUT) == 4
    assert LAYER.param(Convolution.BIAS_TERM) == 0 and LAYER.param(Convolution.STRIDE_W, 1) == 1


def test_another_kind_of_value_is_refused_by_name():
    with pytest.raises(ZooError, match=r"layer conv \(Convolution\): parameter 18 is 0.5, not an integer"):
        LAYER.param(Convolution.PAD_VALUE)


@pytest.mark.parametrize(
    "role", ["weight_scales", "activation_scale", "scales", "scales_in", "B_input_scales"]
)
def test_scales(role):
    assert is_scale(role)


@pytest.mark.parametrize("role", ["weight", "bias", "scale", "gamma", "B"])
def test_learned_numbers_are_no_scales(role):
    """The `scale` of a Scale or Normalize layer is learned."""
    assert not is_scale(role)
