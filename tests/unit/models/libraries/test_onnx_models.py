"""ONNX files as torch modules."""

from onnx import helper

from samples.sources import CONV, KERNEL, onnx_model, refused


def test_unsupported_operators_are_named_with_their_count(tmp_path):
    nodes = [
        CONV,
        helper.make_node("Softsign", ["c"], ["a"]),
        helper.make_node("Softsign", ["a"], ["b"]),
        helper.make_node("Bernoulli", ["b"], ["y"]),
    ]
    text = r"works\. pnnx on ONNX: .*Softsign \(2\).* \| onnx2torch and TorchScript: .*Bernoulli \(1\)"
    refused(onnx_model(nodes, tmp_path / "odd.onnx", weights=[KERNEL]), tmp_path / "out", text)
