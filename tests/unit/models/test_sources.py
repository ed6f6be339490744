"""Any model becomes a verified artifact: of a library, of the user's own code, or of a file."""

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from samples.sources import build, fully, two_views
from zoo.config.card import Output
from zoo.errors import ZooError
from zoo.images.preprocess import Preprocess, mean_norm

SMALL = {"size": [32, 32], "crop_pct": 1.0}


def passed(built, cosine: float = 0.99999) -> None:
    """Every artifact agrees with the source, over all its outputs."""
    for name, report in built.reports.items():
        assert report["verdict"]["passed"], (name, report["verdict"]["failures"])
        assert report["numbers"]["cosine"]["min"] > cosine


def test_torchvision(tmp_path):
    built = build({"torchvision": "resnet18", "weights": {"random": 0}, "preprocess": SMALL}, tmp_path)
    passed(built)
    assert set(built.reports) == {"torchscript", "fp32.onnx", "fp32"}
    assert built.card.task == "classification" and built.card.num_classes == 1000
    assert built.card.parameters == 11_689_512  # torchvision's own figure


def test_torchvisions_record_is_that_of_its_weights():
    from torchvision.models import get_model_weights

    from zoo.config.model_spec import ModelSpec
    from zoo.models.libraries.torchvision_models import preprocess

    for name in ("resnet18", "convnext_tiny", "efficientnet_b0", "swin_t", "regnet_y_400mf.IMAGENET1K_V2"):
        record = preprocess(ModelSpec.from_config("m", {"torchvision": name}))
        architecture, _, tag = name.partition(".")
        weights = get_model_weights(architecture)
        transform = (weights[tag] if tag else weights.DEFAULT).transforms()
        assert list(record.scaled_size) == transform.resize_size * 2
        assert list(record.size) == transform.crop_size * 2
        assert list(record.mean) == transform.mean and list(record.std) == transform.std
        assert record.interpolation == transform.interpolation.value


def test_the_record_of_clip_gives_ncnns_mean_and_norm():
    from zoo.config.model_spec import ModelSpec
    from zoo.models.libraries.open_clip_models import preprocess

    record = preprocess(ModelSpec.from_config("m", {"open_clip": "convnext_base_w.laion2b_s13b_b82k"}))
    assert record.size == (256, 256) and record.crop_pct == 1.0
    assert record.mean == (0.48145466, 0.4578275, 0.40821073)
    assert record.std == (0.26862954, 0.26130258, 0.27577711)
    mean, norm = mean_norm(record)
    np.testing.assert_allclose(mean, (122.7709, 116.7460, 104.0937), atol=1e-4)
    np.testing.assert_allclose(norm, (0.0145984, 0.0150078, 0.0142201), atol=1e-7)


def tiny_clip() -> dict:
    tower = {"timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "linear", "image_size": 64}
    text = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
    args = {"embed_dim": 24, "vision_cfg": tower, "text_cfg": text}
    return {"open_clip": "convnext_base_w", "args": args}


def test_the_image_tower_of_a_clip_model(tmp_path):
    """Its weights are found in a checkpoint of both towers."""
    import open_clip

    torch.manual_seed(0)
    whole = open_clip.create_model("convnext_base_w", load_weights=False, **tiny_clip()["args"])
    safetensors.torch.save_file(whole.state_dict(), tmp_path / "clip.safetensors")
    built = build(tiny_clip() | {"weights": {"file": str(tmp_path / "clip.safetensors")}}, tmp_path / "out")
    passed(built)
    assert built.card.task == "other" and built.card.outputs == (Output("output", (24,)),)
    assert built.card.input == (3, 64, 64) and built.card.num_classes is None
    kept = safetensors.torch.load_file(tmp_path / "out/tiny.safetensors")
    assert torch.equal(kept["head.proj.weight"], whole.state_dict()["visual.head.proj.weight"])


def test_an_entry_point_with_arguments_a_checkpoint_and_several_inputs_and_outputs(tmp_path):
    torch.manual_seed(3)
    model = two_views(width=4)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "checkpoint.pth")
    inputs = [
        {"shape": [3, 24, 40]},
        {"name": "mask", "shape": [1, 12, 20], "values": "normal"},
        {"shape": [5], "values": 0.5},
    ]
    entry = {"module": "samples.sources:two_views", "args": {"width": 4}, "inputs": inputs}
    built = build(entry | {"weights": {"file": str(tmp_path / "checkpoint.pth")}}, tmp_path / "out")
    passed(built)
    assert built.card.task == "other"
    assert [each.name for each in built.card.inputs] == ["in0", "mask", "in2"]
    assert [each.name for each in built.card.outputs] == ["heatmap", "box.0", "box.1"]
    for report in built.reports.values():
        assert [each["shape"] for each in report["numbers"]["outputs"]] == [[2, 12, 20], [6], [1]]
    session = onnx.load(tmp_path / "out/fp32.onnx").graph
    assert [each.name for each in session.input] == ["in0", "mask", "in2"]
    assert [each.name for each in session.output] == ["heatmap", "box.0", "box.1"]


def test_a_model_of_other_channels_takes_arrays(tmp_path):
    generator = np.random.default_rng(1)
    (tmp_path / "samples").mkdir()
    for index in range(3):
        np.savez(tmp_path / f"samples/{index}.npz", in0=generator.standard_normal((6, 16, 24), np.float32))
    entry = {
        "module": "samples.sources:fully",
        "args": {"channels": 6},
        "inputs": [{"shape": [6, 16, 24], "values": "file"}],
    }
    built = build(entry, tmp_path / "out", tmp_path / "samples")
    passed(built)
    assert built.card.input == (6, 16, 24) and built.card.source["kind"] == "entry point"


def test_a_gray_model(tmp_path):
    gray = {"channels": "GRAY", "mean": [0.5], "std": [0.25]}
    entry = {
        "timm": "test_resnet",
        "args": {"in_chans": 1},
        "weights": {"random": 0},
        "preprocess": SMALL | gray,
    }
    built = build(entry, tmp_path)
    passed(built)
    assert built.card.input == (1, 32, 32)


def test_a_dynamic_shape_is_verified_at_both_sizes(tmp_path):
    entry = {"module": "samples.sources:fully", "preprocess": {"size": [32, 48]}, "second_size": [64, 40]}
    built = build(entry, tmp_path)
    passed(built)
    for report in built.reports.values():
        assert report["numbers"]["second"]["shapes"] == [[3, 64, 40]]
        assert report["numbers"]["second"]["cosine"]["min"] > 0.99999
    (given,) = onnx.load(tmp_path / "fp32.onnx").graph.input
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim] == [1, 3, 0, 0]


def exported(model: nn.Module, path, shape=(1, 3, 32, 48), **options) -> dict:
    torch.manual_seed(0)
    torch.onnx.export(
        model.eval(), (torch.zeros(shape),), str(path), opset_version=17, dynamo=False, **options
    )
    return {"onnx": str(path)}


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_file_alone(tmp_path):
    built = build(exported(fully(), tmp_path / "model.onnx"), tmp_path / "out")
    passed(built)
    assert built.card.input == (3, 32, 48) and built.card.preprocess.size == (32, 48)
    assert built.card.parameters == sum(each.numel() for each in fully().parameters())
    assert built.card.source["kind"] == "onnx" and built.card.labels is None
    graph = onnx.load(tmp_path / "out/fp32.onnx").graph
    assert [graph.input[0].name, graph.output[0].name] == ["data", "output"]


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


def onnx_model(
    nodes, path, inputs=(("x", [1, 3, 8, 8]),), weights=(), kind=TensorProto.FLOAT, opset=17
) -> dict:
    ends = [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "c", "h", "w"])
    graph = helper.make_graph(list(nodes), "g", ends, [output], list(weights))
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return {"onnx": str(path)}


RANDOM = np.random.default_rng(0)
KERNEL = numpy_helper.from_array(RANDOM.standard_normal((4, 3, 3, 3), np.float32), "w")
CONV = helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1])


def refused(entry: dict, folder, text: str) -> None:
    with pytest.raises(ZooError, match=text):
        build(entry, folder)
    assert not list(folder.glob("fp32.param"))


def test_an_onnx_file_of_a_new_opset_is_read_through_an_older_one(tmp_path):
    """pnnx drops the axes of such a reduction without a word."""
    axes = numpy_helper.from_array(np.int64([1]), "axes")
    mean = helper.make_node("ReduceMean", ["c", "axes"], ["y"], keepdims=1)
    passed(
        build(
            onnx_model([CONV, mean], tmp_path / "new.onnx", weights=[KERNEL, axes], opset=18),
            tmp_path / "out",
        )
    )


def test_unsupported_operators_are_named_with_their_count(tmp_path):
    nodes = [
        CONV,
        helper.make_node("Softsign", ["c"], ["a"]),
        helper.make_node("Softsign", ["a"], ["b"]),
        helper.make_node("Bernoulli", ["b"], ["y"]),
    ]
    text = r"works\. pnnx on ONNX: .*Softsign \(2\).* \| onnx2torch and TorchScript: .*Bernoulli \(1\)"
    refused(onnx_model(nodes, tmp_path / "odd.onnx", weights=[KERNEL]), tmp_path / "out", text)


def test_a_way_to_ncnn_that_gives_other_answers_is_passed_over(tmp_path):
    from zoo.export.ncnn import first_that_agrees
    from zoo.export.torchscript import export_torchscript
    from zoo.images.inputs import Feed

    torch.manual_seed(0)
    model, other = fully().eval(), fully().eval()
    torch.onnx.export(
        model, (torch.zeros(1, 3, 32, 32),), str(tmp_path / "truth.onnx"), opset_version=17, dynamo=False
    )
    for name, each in (("model", model), ("other", other)):
        export_torchscript(each, torch.zeros(1, 3, 32, 32), tmp_path / f"{name}.pt")
    feed = Feed.image(Preprocess(size=(32, 32)))
    ways = [(name, lambda name=name: tmp_path / f"{name}.pt") for name in ("missing", "other", "model")]
    pair = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    assert first_that_agrees("m", ways, tmp_path / "truth.onnx", feed, 1, *pair) == "model"
    assert all(file.is_file() for file in pair)
    with pytest.raises(
        ZooError,
        match=r"no way to ncnn works\. missing: .* \| other: the ncnn model's output 0 has the cosine",
    ):
        first_that_agrees(
            "m", ways[:2], tmp_path / "truth.onnx", feed, 1, tmp_path / "x.param", tmp_path / "x.bin"
        )
    assert not (tmp_path / "x.param").exists()


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


def test_files_that_are_none(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"none")
    refused(
        {"onnx": str(tmp_path / "m.onnx")}, tmp_path / "out", r"tiny: .*m\.onnx is not a valid ONNX model"
    )
    refused({"onnx": str(tmp_path / "gone.onnx")}, tmp_path / "out", r"tiny: .*gone\.onnx does not exist")
    (tmp_path / "m.pt").write_bytes(b"none")
    refused(
        {"torchscript": str(tmp_path / "m.pt")},
        tmp_path / "out",
        r"tiny: .*m\.pt is no TorchScript file, or damaged",
    )


def traced(model: nn.Module, path, shape=(1, 3, 32, 48)) -> dict:
    torch.jit.save(torch.jit.trace(model.eval(), torch.zeros(shape)), str(path))
    return {"torchscript": str(path)}


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_file_alone(tmp_path):
    entry = traced(fully(), tmp_path / "model.pt") | {"preprocess": {"size": [32, 48]}}
    built = build(entry, tmp_path / "out")
    passed(built)
    assert built.card.input == (3, 32, 48) and built.card.source["kind"] == "torchscript"
    assert (tmp_path / "out/torchscript.pt").read_bytes() == (tmp_path / "model.pt").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_file_that_cannot_serve(tmp_path):
    broken = fully()
    with torch.no_grad():
        broken.body[0].weight[0, 0, 0, 0] = torch.nan
    refused(
        traced(broken, tmp_path / "nan.pt"),
        tmp_path / "out",
        r"nan\.pt holds NaN or infinity: 1 tensors \(body\.0\.weight\)",
    )
    gray = traced(fully(1), tmp_path / "gray.pt", (1, 1, 8, 8))
    refused(
        gray, tmp_path / "out", r"tiny: it does not take inputs of the shape \[1, 3, 224, 224\] .*channels"
    )


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"torchvision": "resnet19"}, "torchvision has no model resnet19; did you mean resnet18"),
        (
            {"torchvision": "resnet18.IMAGENET9"},
            "torchvision's resnet18 has no weights IMAGENET9; it has: IMAGENET1K_V1",
        ),
        (
            {"open_clip": "convnext_basis_w"},
            "open_clip has no model convnext_basis_w; did you mean convnext_base_w",
        ),
        (
            {"open_clip": "convnext_base_w.mine"},
            "open_clip's convnext_base_w has no weights mine; it has: laion2b",
        ),
        ({"module": "samples.sources"}, "'samples.sources' is no entry point: write module:function"),
        ({"module": "no_such_code:net"}, "the module no_such_code cannot be imported"),
        ({"module": "samples.sources:nothing"}, "samples.sources has no function nothing"),
        (
            {"module": "samples.sources:build", "args": {"entry": 1}},
            "its function cannot build samples.sources:build with args",
        ),
        ({"module": "samples.sources:noise_images", "args": {}}, "cannot build"),
        (
            {"module": "samples.sources:fully", "args": {"channels": 4}},
            r"it does not take inputs of the shape \[1, 3, 224, 224\]",
        ),
        (
            {"timm": "test_resnet", "args": {"in_chans": 4}, "weights": {"random": 0}},
            "args in_chans is 4, and preprocessing gives 3 channels",
        ),
        (
            {
                "module": "samples.sources:two_views",
                "task": "classification",
                "inputs": [
                    {"shape": [3, 8, 8]},
                    {"shape": [1, 4, 4], "values": 0},
                    {"shape": [5], "values": 0},
                ],
            },
            "a classifier has one output of the shape",
        ),
        (
            {"module": "samples.sources:fully", "second_size": [8, 8], "inputs": [{"shape": [3, 8, 8]}]},
            "give each of inputs its second_shape",
        ),
    ],
)
def test_a_model_that_cannot_be_built(tmp_path, entry, text):
    refused(entry, tmp_path, text)


def test_a_model_without_that_second_shape(tmp_path):
    """The linear layer fixes the number of pixels."""
    entry = {
        "timm": "test_vit",
        "weights": {"random": 0},
        "preprocess": {"size": [160, 160]},
        "second_size": [96, 96],
    }
    refused(
        entry,
        tmp_path,
        r"the ONNX model does not take inputs of the shape \[1, 3, 96, 96\] .* its shape cannot be dynamic",
    )
