"""Divisions by a norm in ONNX, along any dimension, through pnnx."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from zoo.export.onnx_unit_norm import written_out
from zoo.export.pnnx import run_pnnx
from zoo.runners.ncnn_runner import NcnnRunner

IMAGE = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Unit(nn.Module):
    def __init__(self, dim: int, tokens: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.dim, self.tokens = nn.Conv2d(3, 24, 4, 4), dim, tokens

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return functional.normalize(x.flatten(2).transpose(1, 2) if self.tokens else x, dim=self.dim)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize(
    ("dim", "tokens", "count"), [(1, False, 0), (-1, False, 1), (2, False, 1), (-1, True, 1), (1, True, 1)]
)
@torch.no_grad()
def test_it_is_right_in_ncnn(tmp_path, opset, dim, tokens, count):
    model, file = Unit(dim, tokens).eval(), tmp_path / "model.onnx"
    torch.onnx.export(model, IMAGE, file, opset_version=opset, dynamo=False, input_names=["in0"])
    graph = onnx.load(file)
    assert written_out(graph) == count
    onnx.checker.check_model(graph)
    onnx.save(graph, file)
    expected = model(IMAGE).numpy()
    (same,) = onnxruntime.InferenceSession(file).run(None, {"in0": IMAGE.numpy()})
    np.testing.assert_allclose(same, expected, rtol=1e-4, atol=1e-6)
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    run_pnnx(file, [IMAGE.shape], *pair)
    (found,) = NcnnRunner(*pair, "cpu", 1, "fp32").run((IMAGE[0].numpy(),))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("axes", "keepdims", "target"), [([2], 0, "x"), ([2], 1, "other"), ([1, 2], 1, "x"), ([], 1, "x")]
)
def test_what_is_none_is_left(axes, keepdims, target):
    nodes = [
        onnx.helper.make_node(
            "ReduceL2", ["x"], ["norm"], keepdims=keepdims, **({"axes": axes} if axes else {})
        ),
        onnx.helper.make_node("Shape", [target], ["shape"]),
        onnx.helper.make_node("Expand", ["norm", "shape"], ["same"]),
        onnx.helper.make_node("Div", ["x", "same"], ["y"]),
    ]
    inputs = [onnx.helper.make_tensor_value_info(name, 1, [1, 4, 4]) for name in ("x", "other")]
    outputs = [onnx.helper.make_tensor_value_info("y", 1, None)]
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    assert written_out(model) == 0
