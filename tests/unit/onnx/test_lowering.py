"""Single nodes in an older operator set."""

import onnx
import pytest
from onnx import TensorProto, helper

from zoo.errors import ZooError
from zoo.onnx.lowering import Lowering, has_form, name_of


def test_which_operators_a_set_has():
    swish = helper.make_node("HardSwish", ["x"], ["y"])
    assert not has_form(swish, 13) and has_form(swish, 14)
    assert name_of(swish) == "HardSwish (node y)"


def test_axes_that_are_computed_cannot_become_attributes():
    nodes = [helper.make_node("Squeeze", ["x", "axes"], ["y"], "flat")]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3))]
    ends.append(helper.make_tensor_value_info("axes", TensorProto.INT64, (1,)))
    graph = helper.make_graph(nodes, "g", ends, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    with pytest.raises(ZooError, match=r"Squeeze \(node flat\) of ONNX opset 13 has axes that are computed"):
        Lowering(onnx.shape_inference.infer_shapes(model), 13, 11).apply(graph)
