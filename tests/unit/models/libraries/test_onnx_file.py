"""An ONNX file as the source of a model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from samples.nets import fully
from samples.sources import KERNEL, SMALL, build, exported, onnx_model, passed, refused
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models.libraries import Traits, onnx_file, onnx_models


@pytest.mark.filterwarnings("ignore")
def test_a_dynamic_onnx_file(tmp_path):
    axes = {"x": {0: "batch", 2: "height", 3: "width"}}
    entry = exported(fully(), tmp_path / "model.onnx", input_names=["x"], dynamic_axes=axes)
    with pytest.raises(
        ZooError, match=r"tiny: .*x has dynamic dimensions, \[3, \?, \?\] without the batch; give two"
    ):
        build(entry, tmp_path / "out")
    built = build(entry | {"preprocess": {"size": [32, 48]}, "second_size": [64, 40]}, tmp_path / "both")
    passed(built)
    assert built.reports["fp32"]["numbers"]["second"]["shapes"] == [[3, 64, 40]]
    built = build(entry | {"preprocess": SMALL, "second_size": [32, 32]}, tmp_path / "static")
    passed(built)
    (given,) = onnx.load(tmp_path / "static/fp32.onnx").graph.input
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim] == [1, 3, 32, 32]


NAN = numpy_helper.from_array(np.full((4, 3, 3, 3), np.nan, np.float32), "w")


RELU = helper.make_node("Relu", ["x"], ["y"])


ADD = helper.make_node("Add", ["x", "z"], ["y"])


PAIR = (("x", [1, 3, 8, 8]), ("z", [1, 3, 8, 8]))


@pytest.mark.parametrize(
    ("nodes", "options", "entry", "text"),
    [
        (
            [helper.make_node("Conv", ["x", "w"], ["y"])],
            {"weights": [NAN]},
            {},
            "holds NaN or infinity in w; export it again",
        ),
        (
            [RELU],
            {"inputs": [("x", [1, 4, 8, 8])]},
            {},
            r"x takes 4 channels and preprocessing gives 3 \(RGB\); set preprocess: {channels: RGBA",
        ),
        (
            [RELU],
            {"inputs": [("x", [1, 5, 8, 8])]},
            {},
            r"x takes 5 channels and preprocessing gives 3 \(RGB\); give \.npz files",
        ),
        ([RELU], {"inputs": [("x", [2, 3, 8, 8])]}, {}, r"with a batch of 2; export it for a batch of 1"),
        (
            [RELU],
            {"inputs": [("x", [1, 3, 8, 8])]},
            {"preprocess": {"size": [16, 16]}},
            "x is 8x8 pixels, and preprocess: size says 16x16",
        ),
        ([RELU], {"inputs": [("x", [1, 3, "h", 8])]}, {}, r"x has dynamic dimensions, \[3, \?, 8\]"),
        (
            [ADD],
            {"inputs": PAIR},
            {},
            r"takes 2 inputs: say .* by inputs: \[{shape: \[3, 8, 8\]}, {shape: \[3, 8, 8\]}\]",
        ),
        ([ADD], {"inputs": PAIR}, {"inputs": [{}]}, r"takes 2 inputs \(x, z\), and 1 are declared"),
        ([ADD], {"inputs": PAIR}, {"inputs": [{}, {"shape": [1, 8, 8]}]}, r"input z"),
        (
            [RELU],
            {"kind": TensorProto.FLOAT16},
            {},
            "its input x is float16, and only float inputs can be given",
        ),
        ([RELU], {}, {"weights": {"sha256": "0" * 64}}, "has the sha256 .* and config.yaml asks for 0000"),
    ],
)
def test_an_onnx_file_that_cannot_serve(tmp_path, nodes, options, entry, text):
    if options.get("kind") == TensorProto.FLOAT16:
        nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)]
    refused(onnx_model(nodes, tmp_path / "m.onnx", **options) | entry, tmp_path / "out", text)


def test_what_a_sound_file_says_of_itself(tmp_path):
    entry = onnx_model([helper.make_node("Conv", ["x", "w"], ["y"])], tmp_path / "m.onnx", weights=[KERNEL])
    spec, path = ModelSpec.from_config("m", entry), tmp_path / "m.onnx"
    model = onnx_file.read(path)
    assert onnx_file.parameters(model) == 4 * 3 * 3 * 3
    feed = onnx_file.inputs_of_file(spec, model, Preprocess())
    assert feed.shapes == ((3, 8, 8),) and feed.record.size == (8, 8), "the file's size, not the record's"
    assert onnx_file.outputs_of_file(path, feed) == {"y": (4, 6, 6)}
    traits = onnx_models.traits(spec, Preprocess())
    assert traits == Traits(feed, {"y": (4, 6, 6)}, 108, None)


def test_a_file_that_onnxruntime_refuses_is_named(tmp_path):
    entry = onnx_model([RELU], tmp_path / "m.onnx")
    feed = onnx_file.inputs_of_file(
        ModelSpec.from_config("m", entry), onnx_file.read(tmp_path / "m.onnx"), Preprocess()
    )
    with pytest.raises(ZooError, match=r"none\.onnx: onnxruntime cannot run it"):
        onnx_file.outputs_of_file(tmp_path / "none.onnx", feed)
