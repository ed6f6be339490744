"""An ONNX file as the source of a model."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch import nn

from samples.nets import fully
from samples.sources import KERNEL, SMALL, build, exported, onnx_model, passed, refused
from zoo.config.model_spec import ModelSpec
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess
from zoo.models.libraries import Traits, onnx_file, onnx_models

pytestmark = pytest.mark.long(30)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.long(30)
def test_a_dynamic_onnx_file(tmp_path):
    axes = {"x": {0: "batch", 2: "height", 3: "width"}}
    entry = exported(fully(), tmp_path / "model.onnx", input_names=["x"], dynamic_axes=axes)
    with pytest.raises(
        ZooError, match=r"tiny: .*x has dynamic dimensions, \[3, \?, \?\] without the batch; give the shape"
    ):
        build(entry, tmp_path / "out")
    built = build(entry | {"preprocess": {"size": [32, 48]}, "second_size": [64, 40]}, tmp_path / "both")
    passed(built)
    assert built.reports["fp32"]["numbers"]["second"]["shapes"] == [[3, 64, 40]]
    built = build(entry | {"preprocess": SMALL}, tmp_path / "static")
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


def whole(folder) -> dict:
    """A file of a convolution, a ReLU and a mean, NCHW in float32."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return exported(net, folder / "float.onnx", input_names=["x"])


class LastChannels(nn.Module):
    """A net that takes its image NHWC."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x.permute(0, 3, 1, 2)).mean((2, 3))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.long(50)
def test_files_that_are_inside_out_build_and_say_so(tmp_path):
    """float16 inside in an order of its own, channels last, a batch of -1."""
    half = convert_float_to_float16(onnx.load(whole(tmp_path)["onnx"]), keep_io_types=True)
    onnx.save(half, tmp_path / "half.onnx")
    minus = onnx.load(whole(tmp_path)["onnx"])
    for each in (*minus.graph.input, *minus.graph.output):
        each.type.tensor_type.shape.dim[0].dim_value = -1
    onnx.save(minus, tmp_path / "minus.onnx")
    last = exported(LastChannels(), tmp_path / "last.onnx", shape=(1, 32, 48, 3))
    said = {
        "half": ({"onnx": str(tmp_path / "half.onnx")}, "float16 is float32"),
        "minus": ({"onnx": str(tmp_path / "minus.onnx")}, "dimensions of -1 or 0"),
        "last": (last, "is NHWC; it is given as NCHW"),
    }
    for name, (entry, text) in said.items():
        built = build(entry, tmp_path / name)
        passed(built)
        assert any(text in change for change in built.card.source["changes"]), name
        assert built.card.input == (3, 32, 48)


def test_a_quantized_file_is_compared_with_what_is_made_of_it(tmp_path, monkeypatch):
    q, z = numpy_helper.from_array(np.float32(0.05), "s"), numpy_helper.from_array(np.uint8(128), "z")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    spec = ModelSpec.from_config("m", onnx_model(nodes, tmp_path / "m.onnx", weights=[q, z]))
    assert any("it was quantized" in change for change in onnx_models.traits(spec, Preprocess()).changes)
    monkeypatch.setattr(onnx_file, "MOST_ROUNDED", 0.0)
    with pytest.raises(ZooError, match=r"m\.onnx is quantized, and its output 0 differs from that of its"):
        onnx_models.traits(spec, Preprocess())


def test_weights_that_are_constants_count(tmp_path):
    """As Paddle writes them."""
    nodes = [
        helper.make_node("Constant", [], ["w"], value=KERNEL),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    onnx_model(nodes, tmp_path / "m.onnx")
    assert onnx_file.parameters(onnx_file.read(tmp_path / "m.onnx")) == 108


def test_a_file_that_onnxruntime_refuses_is_named(tmp_path):
    entry = onnx_model([RELU], tmp_path / "m.onnx")
    feed = onnx_file.inputs_of_file(
        ModelSpec.from_config("m", entry), onnx_file.read(tmp_path / "m.onnx"), Preprocess()
    )
    with pytest.raises(ZooError, match=r"none\.onnx: onnxruntime cannot run it"):
        onnx_file.outputs_of_file(tmp_path / "none.onnx", feed)
