"""The structure of artifacts: what is whole, what is cut, what is foreign."""

import hashlib
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, load, numpy_helper, save

from samples.artifacts import changed_in_time, pair
from samples.cards import card
from samples.ncnn import small_network
from zoo.config.records.verification import FileFacts
from zoo.measure.structure import ROUNDINGS, OnnxForm, check_structure, file_facts, strays
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph


def onnx_file(path, *nodes, opsets=(("", 17),)):
    """data (1, 3, 8, 8) -> the nodes -> output of the same shape, beside a weight of 192 numbers."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("data", "output")
    ]
    weight = numpy_helper.from_array(np.ones((3, 8, 8), np.float32), "weight")
    graph = helper.make_graph(list(nodes), "small", ends[:1], ends[1:], [weight])
    versions = [helper.make_opsetid(*opset) for opset in opsets]
    save(helper.make_model(graph, opset_imports=versions, ir_version=8), path)
    return path


SCALE = helper.make_node("Mul", ["data", "weight"], ["scaled"])
RELU = helper.make_node("Relu", ["scaled"], ["output"])


def test_a_sound_ncnn_pair(tmp_path):
    files = pair(small_network(), tmp_path)
    found = check_structure("ncnn", files)
    assert found.ok and found.problems == ()
    assert found.files[1] == FileFacts(
        "fp32.bin", files[1].stat().st_size, hashlib.sha256(files[1].read_bytes()).hexdigest()
    )
    assert found.layers == 7 and found.layer_types["Convolution"] == 1


def test_a_cut_bin_is_not_sound(tmp_path):
    files = pair(small_network(), tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:-4])
    found = check_structure("ncnn", files)
    assert not found.ok and "fp32.bin" in found.problems[0] and "layer fc" in found.problems[0]
    assert found.layers is found.layer_types is None and len(found.files) == 2


def test_an_operator_that_ncnn_does_not_have_is_named(tmp_path):
    files = pair(small_network(), tmp_path)
    files[0].write_text(files[0].read_text().replace("BinaryOp ", "aten::add", 1))
    (problem,) = check_structure("ncnn", files).problems
    assert "aten::add" in problem


@pytest.mark.parametrize("runtime", ["ncnn", "onnxruntime", "torch"])
def test_a_missing_file_is_named(runtime, tmp_path):
    found = check_structure(runtime, (tmp_path / "a.model",))
    assert found.problems == ("a.model is missing",) and found.files == ()


def test_a_sound_onnx_model(tmp_path):
    found = check_structure("onnxruntime", (onnx_file(tmp_path / "fp32.onnx", SCALE, RELU),))
    assert found.ok and found.layers == 2 and found.layer_types == {"Mul": 1, "Relu": 1}


def test_the_data_of_an_onnx_model_is_a_part_of_it(tmp_path):
    path = onnx_file(tmp_path / "whole.onnx", SCALE, RELU)
    outside = tmp_path / "fp32.onnx"
    save(load(path), outside, save_as_external_data=True, location="fp32.onnx.data", size_threshold=0)
    found = check_structure("onnxruntime", (outside,))
    assert found.ok and [facts.name for facts in found.files] == ["fp32.onnx", "fp32.onnx.data"]
    changed_in_time(tmp_path / "fp32.onnx.data")
    one, other = file_facts((outside,)), found.files
    assert one[0] == other[0] and one[1].bytes == other[1].bytes and one[1].sha256 != other[1].sha256
    path.with_name("whole.onnx.data").touch()  # nobody reads it
    assert len(file_facts((path,))) == 1


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_cut_onnx_model_is_not_sound(share, tmp_path):
    path = onnx_file(tmp_path / "fp32.onnx", SCALE, RELU)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    (problem,) = check_structure("onnxruntime", (path,)).problems
    assert problem.startswith("fp32.onnx is not a valid ONNX model: ") and "\n" not in problem


def test_an_unknown_or_wrongly_wired_onnx_operator_is_not_sound(tmp_path):
    unknown = onnx_file(tmp_path / "a.onnx", SCALE, helper.make_node("Relux", ["scaled"], ["output"]))
    assert "Relux" in check_structure("onnxruntime", (unknown,)).problems[0]
    unmade = onnx_file(tmp_path / "b.onnx", RELU)
    assert "scaled" in check_structure("onnxruntime", (unmade,)).problems[0]


def test_operators_of_another_domain_are_named(tmp_path):
    foreign = helper.make_node("Magic", ["scaled"], ["output"], domain="com.acme")
    path = onnx_file(tmp_path / "fp32.onnx", SCALE, foreign, opsets=(("", 17), ("com.acme", 1)))
    assert check_structure("onnxruntime", (path,)).problems == (
        "fp32.onnx uses operators of the domain com.acme",
    )


@pytest.fixture(scope="module")
def torchscript(tmp_path_factory):
    import torch

    path = tmp_path_factory.mktemp("torch") / "torchscript.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.trace(torch.nn.Linear(64, 64), torch.zeros(1, 64)).save(path)
    return path.read_bytes()


def damaged(content, kind):
    middle, entry = len(content) // 2, content.index(b"PK\x01\x02")  # the first entry of the directory
    return {
        "whole": content,
        "cut": content[:middle],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "unpackable": content[: entry + 10] + b"\x63" + content[entry + 11 :],  # compression method 99
        "text": b"no archive",
        "empty": b"",
    }[kind]


@pytest.mark.parametrize(
    ("kind", "problems"),
    [
        ("whole", None),
        ("cut", "torchscript.pt is not a TorchScript archive: "),
        ("flipped", "torchscript.pt is damaged in "),
        ("unpackable", "torchscript.pt is not a TorchScript archive: "),
        ("text", "torchscript.pt is not a TorchScript archive: "),
        ("empty", "torchscript.pt is not a TorchScript archive: "),
    ],
)
def test_torchscript_is_a_whole_archive(kind, problems, torchscript, tmp_path):
    path = tmp_path / "torchscript.pt"
    path.write_bytes(damaged(torchscript, kind))
    found = check_structure("torch", (path,))
    assert found.ok == (problems is None)
    assert problems is None or found.problems[0].startswith(problems)
    assert found.layers is None


@pytest.fixture(params=ROUNDINGS)
def rounding(request, tmp_path):
    """The graph in a precision, and what is said of a graph as a file of it."""
    fp32 = pair(small_network(), tmp_path)
    precision = request.param

    def found(graph: Graph) -> list[str]:
        return strays(pair(graph, tmp_path, precision), fp32, precision)

    return ROUNDINGS[precision](small_network()), found


def test_what_follows_from_fp32_is_nothing_to_speak_of(rounding):
    rounded, found = rounding
    assert found(rounded) == []


def test_one_bit_of_one_weight_is_seen(rounding):
    rounded, found = rounding
    weight = rounded["fc"].weights["weight"]
    bits = weight.values.copy().view(np.uint16)
    bits[7] ^= 1
    changed = replace(weight, values=bits.view(weight.values.dtype))
    weights = {**rounded["fc"].weights, "weight": changed}
    (sentence,) = found(rounded.replace(replace(rounded["fc"], weights=weights)))
    count = weight.values.size
    what, _, command = sentence.partition("; make both anew: ")
    assert (
        what == f"layer fc (InnerProduct): 1 of {count} numbers of its weight are not those of fp32, rounded"
    )
    removed, target = command.split(" && snakemake ")
    assert [Path(name).suffix for name in removed.split()[1:]] == [".param", ".bin"] * 2
    assert all(Path(name).is_file() for name in removed.split()[1:]) and target.endswith(".passed")


def test_a_bias_and_a_parameter_are_seen(rounding):
    rounded, found = rounding
    bias = rounded["conv"].weights["bias"]
    negated = replace(bias, values=-bias.values)
    weights = {**rounded["conv"].weights, "bias": negated}
    assert "numbers of its bias" in found(rounded.replace(replace(rounded["conv"], weights=weights)))[0]
    params = {**rounded["conv"].params, 10: (0.5,)}
    (sentence,) = found(rounded.replace(replace(rounded["conv"], params=params)))
    assert sentence.startswith("layer conv (Convolution): its params are {")


def test_a_layer_too_many_and_another_storage_are_seen(rounding):
    rounded, found = rounding
    assert "numbers" not in found(small_network())[0] and "is stored FP32, not" in found(small_network())[0]
    (sentence,) = found(Graph(rounded.layers[:-1]))
    assert sentence.startswith(f"it has {len(rounded.layers) - 1} layers, and fp32 has {len(rounded.layers)}")


@pytest.fixture
def small_weights(tmp_path):
    """fp32 whose last layer has weights too small for float16, its fp16, and what is said of another one."""
    graph = small_network()
    weight = graph["fc"].weights["weight"]
    small = replace(weight, values=weight.values * np.float32(1e-5))
    graph = graph.replace(replace(graph["fc"], weights={**graph["fc"].weights, "weight": small}))
    fp32 = pair(graph, tmp_path)

    def found(changed: Graph) -> list[str]:
        return strays(pair(changed, tmp_path, "fp16"), fp32, "fp16")

    return graph, ROUNDINGS["fp16"](graph), found


def with_weight(graph, values, storage):
    weights = {**graph["fc"].weights, "weight": array(values, storage)}
    return graph.replace(replace(graph["fc"], weights=weights))


def masked(graph, name, mask):
    params = {key: value for key, value in graph[name].params.items() if key != 31}
    return graph.replace(replace(graph[name], params={**params, 31: mask} if mask else params))


def test_weights_too_small_for_float16_stay_float32_and_nothing_else_passes(small_weights):
    fp32, fp16, found = small_weights
    values = fp32["fc"].weights["weight"].values
    assert fp16["fc"].weights["weight"].storage is Storage.FP32 and fp16["fc"].params[31] == 1
    assert found(fp16) == []
    flipped = (values.copy().view(np.uint32) ^ np.eye(1, values.size, 3, dtype=np.uint32)[0]).view(np.float32)
    assert "1 of 20 numbers of its weight are not those" in found(with_weight(fp16, flipped, Storage.FP32))[0]
    assert "its weight is stored FP16, not FP32" in found(with_weight(fp16, values, Storage.FP16))[0]
    for wrong in (masked(fp16, "fc", 0), masked(fp16, "fc", 3), masked(fp16, "conv", 1)):
        assert "its params are" in found(wrong)[0]
    conv = fp32["conv"].weights
    float32 = fp16.replace(replace(fp16["conv"], weights=conv))
    assert "layer conv (Convolution): its weight is stored FP32, not FP16" in found(float32)[0]


def test_an_onnx_file_of_another_form_than_it_should_have(tmp_path):
    """Its opset, the names at its ends, and what a vendor's toolchain has."""
    path = onnx_file(tmp_path / "m.onnx", SCALE, RELU)
    form = OnnxForm(17, ("data",), ("output",), frozenset({"Mul", "Relu"}))
    assert check_structure("onnxruntime", [path], form).ok
    for wrong, text in (
        (replace(form, opset=11), "m.onnx is of opset 17, and should be of 11"),
        (replace(form, inputs=("x",)), "m.onnx has inputs named data, and they should be x"),
        (replace(form, outputs=("y", "z")), "m.onnx has outputs named output, and they should be y, z"),
        (replace(form, operators=frozenset({"Mul"})), "m.onnx has Relu (node output), which the vendor's"),
    ):
        found = check_structure("onnxruntime", [path], wrong)
        assert not found.ok and found.problems[0].startswith(text)


def test_the_form_of_each_artifact():
    described = card("net")
    form = OnnxForm.of("opset11.onnx", 11, described)
    assert form is not None and form.operators is not None
    assert {"Conv", "Mod", "PRelu"} <= form.operators, "of the RDK X5's table"
    assert not {"Einsum", "Xor", "NonZero"} & form.operators, "not integrated yet, or not in it"
    assert (form.inputs, form.outputs) == (("data",), ("output",))
    plain = OnnxForm.of("fp32.onnx", 17, described)
    assert plain is not None and plain.operators is None
    assert OnnxForm.of("fp32", None, described) is None
