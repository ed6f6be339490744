"""A MaxPool of what zeros were put around sees them, in onnxruntime as well."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn import functional

from samples.cards import RECORD
from samples.onnx import run
from zoo.errors import ZooError
from zoo.export.onnx import export_onnx
from zoo.images.inputs import NORMAL, Feed, Input
from zoo.models.onnx_source.accepted import accepted
from zoo.onnx.int8 import OnnxInt8, quantize_static
from zoo.onnx.normalize import normalized
from zoo.onnx.zero_pads import keep_zero_pads

NEGATIVE = -1 - np.random.default_rng(0).random((1, 2, 6, 6), np.float32)
"""What is less than the zeros around it."""


def padded(
    opset: int, value: float | None = 0.0, between: str | None = None, mode="constant"
) -> onnx.ModelProto:
    """A Pad of one on each side, and a MaxPool."""
    pads = [0, 0, 1, 1, 0, 0, 1, 1]
    weights = [numpy_helper.from_array(np.array(pads), "pads")] if opset >= 11 else []
    said = {"mode": mode}
    if opset < 11:
        said |= {"pads": pads} | ({} if value is None else {"value": value})
    elif value is not None:
        weights.append(numpy_helper.from_array(np.float32(value), "value"))
    nodes = [helper.make_node("Pad", ["data", *(each.name for each in weights)], ["padded"], **said)]
    if between:
        nodes.append(helper.make_node(between, ["padded"], ["same"]))
    nodes.append(
        helper.make_node("MaxPool", [nodes[-1].output[0]], ["output"], kernel_shape=[3, 3], strides=[2, 2])
    )
    shapes = {"data": NEGATIVE.shape, "output": (1, 2, 3, 3)}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)


@pytest.mark.parametrize("between", [None, "Identity", "Dropout"])
@pytest.mark.parametrize("value", [0.0, None])
@pytest.mark.parametrize("opset", [10, 11, 17, 20])
def test_the_zeros_are_seen(opset, value, between):
    model = padded(opset, value, between)
    image = torch.from_numpy(NEGATIVE)
    expected = functional.max_pool2d(functional.pad(image, (1, 1, 1, 1)), 3, 2).numpy()
    assert keep_zero_pads(model) == 1
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_array_equal(run(model, [{"data": NEGATIVE}])[0], expected.ravel())
    assert keep_zero_pads(model) == 0, "once is enough"


@pytest.mark.parametrize("model", [padded(17, 2.0), padded(17, 0.0, mode="edge"), padded(10, mode="edge")])
def test_others_stay(model):
    before = model.SerializeToString()
    assert keep_zero_pads(model) == 0
    assert model.SerializeToString() == before


class Padded(nn.Module):
    """As timm's BiT begins."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.pad = nn.Conv2d(3, 8, 3), nn.ConstantPad2d(1, 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool2d(self.pad(self.stem(x) - 5), 3, 2).flatten(1)


@torch.no_grad()
def test_a_model_that_pads_by_hand_is_right_in_onnx(tmp_path):
    image = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    export_onnx(Padded(), image, tmp_path / "model.onnx")
    found = run(onnx.load(tmp_path / "model.onnx"), [{"data": image.numpy()}])[0]
    np.testing.assert_allclose(found, Padded()(image)[0].numpy(), atol=1e-5)


@torch.no_grad()
def test_what_is_quantized_of_it_keeps_the_zeros(tmp_path):
    image = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    export_onnx(Padded(), image, tmp_path / "model.onnx")
    feed = {"data": image.numpy()}
    int8 = quantize_static(onnx.load(tmp_path / "model.onnx"), [feed], 1, OnnxInt8())
    found = run(int8, [feed], exact=True)[0]
    np.testing.assert_allclose(found, Padded()(image)[0].numpy(), atol=0.1)  # without them it is off by 5


@torch.no_grad()
def test_what_onnxruntime_makes_wrong_by_itself_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.export.onnx.keep_zero_pads", lambda model: 0)
    with pytest.raises(
        ZooError, match=r"Padded: its ONNX model is right, and onnxruntime .* graph optimization"
    ):
        export_onnx(Padded(), torch.randn(1, 3, 16, 16), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opset", [10, 17])
def test_so_is_a_file_that_somebody_brings(opset):
    given = padded(opset)
    (own,) = ReferenceEvaluator(given).run(None, {"data": NEGATIVE})
    taken = accepted(given)
    assert taken.changes == ("1 MaxPool keep the zeros around what they read, which onnxruntime drops",)
    np.testing.assert_array_equal(run(taken.model, [{"data": NEGATIVE}])[0], own.ravel())
    normal = normalized(
        taken.model, Feed(RECORD, (Input("data", (2, 6, 6), NORMAL),)), (["data"], ["output"]), opset=13
    )
    np.testing.assert_array_equal(run(normal, [{"data": NEGATIVE}])[0], own.ravel())
