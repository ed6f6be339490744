"""A model as it was given, and as the zoo takes it."""

import onnx
import pytest

from samples.onnx import chain
from zoo.errors import ZooError
from zoo.models.onnx_source.accepted import accepted


def test_nodes_are_put_in_the_order_in_which_they_run():
    model = chain(("Relu", None), ("Neg", None), ("Abs", None))
    nodes = list(model.graph.node)[::-1]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(model)
    taken = accepted(model)
    assert taken.changes == ("its nodes were put in the order in which they run",)
    assert [node.op_type for node in taken.model.graph.node] == ["Relu", "Neg", "Abs"]
    onnx.checker.check_model(taken.model)


def test_a_model_in_order_is_taken_as_it_is():
    model = chain(("Relu", None), ("Neg", None))
    before = model.SerializeToString()
    taken = accepted(model)
    assert taken.changes == () and not taken.transposed and not taken.dequantized
    assert taken.model.SerializeToString() == before


def test_a_circle_is_named():
    model = chain(("Relu", None), ("Neg", None))
    model.graph.node[0].input[0] = "output"
    with pytest.raises(ZooError, match="reads what it makes itself"):
        accepted(model)
