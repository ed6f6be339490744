"""One default opset: files that are exported and files that are put in order have the same."""

import numpy as np
import onnx

from samples.models import random_model
from zoo.config.opset import DEFAULT_OPSET, opset_of
from zoo.export.onnx import OPSETS, export_onnx
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.onnx.normalize import normalized


def opset(model: onnx.ModelProto) -> int:
    return next(entry.version for entry in model.opset_import if entry.domain == "")


def test_files_are_exported_and_put_in_order_in_the_same_opset(tmp_path):
    model, image = random_model("test_resnet")
    export_onnx(model, image, tmp_path / "fp32.onnx")
    assert opset(onnx.load(tmp_path / "fp32.onnx")) == DEFAULT_OPSET
    newer = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("ReduceMean", ["data", "axes"], ["mean"])],
            "newer",
            [onnx.helper.make_tensor_value_info("data", onnx.TensorProto.FLOAT, (1, 3, 8, 8))],
            [onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, None)],
            [onnx.numpy_helper.from_array(np.int64([1]), "axes")],
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSETS[-1])],
        ir_version=9,
    )
    feed = Feed.image(Preprocess(size=(8, 8)))
    assert opset(normalized(newer, feed, (["data"], ["output"]))) == DEFAULT_OPSET


def test_the_opset_of_each_artifact():
    assert [opset_of(name, 11) for name in ("fp32.onnx", "fp16.onnx", "int8_static.onnx")] == [11, 11, 13]
    assert [opset_of(name, 17) for name in ("int8_dynamic.onnx", "opset11.onnx", "fp32")] == [17, 11, None]
