"""Constants with scales and zero points."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.errors import ZooError
from zoo.models.onnx_source.operands import Operands, along, attribute


def operands(**arrays) -> Operands:
    weights = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    return Operands(helper.make_graph([], "g", [], [], weights))


def test_blocks_have_a_scale_each_and_the_last_may_be_shorter():
    numbers = np.int8([[1, 2, 3, 4, 5]])
    found = operands(w=numbers, s=np.float32([[1.0, 10.0, 100.0]]))
    node = helper.make_node("DequantizeLinear", ["w", "s"], ["y"], axis=1, block_size=2)
    np.testing.assert_array_equal(found.floats(node, 0, 1, 2), [[1, 2, 30, 40, 500]])


def test_the_range_is_that_of_the_zero_points_type():
    found = operands(z=np.int8([0]), i=np.int32([0]))
    assert found.range_of(helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"]), 2) == (-128, 127)
    assert found.range_of(helper.make_node("QuantizeLinear", ["x", "s"], ["y"]), 2) == (0, 255)
    with pytest.raises(ZooError, match="quantizes to int32"):
        found.range_of(helper.make_node("QuantizeLinear", ["x", "s", "i"], ["y"]), 2)
    kind = helper.make_node("QuantizeLinear", ["x", "s"], ["y"], output_dtype=TensorProto.INT16)
    assert found.range_of(kind, 2) == (-32768, 32767) and attribute(kind, "axis", 1) == 1


def test_values_by_channel_lie_along_their_axis():
    assert along(np.arange(3), np.zeros((2, 3, 4)), 1).shape == (1, 3, 1)
    assert along(np.ones(1), np.zeros((2, 3)), 0).shape == ()
