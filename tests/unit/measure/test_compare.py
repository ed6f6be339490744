"""Two artifacts side by side: every pairing of formats, against figures worked out here."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from samples.artifacts import FEED, artifact, pair, photos
from samples.cards import RECORD, card
from samples.ncnn import layer, normal
from zoo.errors import ArtifactError, ZooError
from zoo.images.decode import read_inputs
from zoo.images.inputs import Feed
from zoo.images.sets import Sample
from zoo.measure.compare import check_same_model, compare
from zoo.measure.metrics import MAX_DB, cosine, max_abs_error, sqnr_db
from zoo.ncnn.bf16 import to_bf16
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/compare.py"


def network() -> Graph:
    """3 x 8 x 8 -> convolution -> ReLU -> inner product of 5."""
    draw = normal(3)
    return Graph(
        (
            layer("Input", "in0", "", "in0", {}),
            layer("Convolution", "conv", "in0", "1", {0: 4, 1: 3, 4: 1, 5: 1, 6: 108}, draw),
            layer("ReLU", "relu", "1", "2", {}),
            layer("InnerProduct", "fc", "2", "out0", {0: 5, 1: 1, 2: 5 * 256}, draw),
        )
    )


def disturbed() -> Graph:
    """The same with other weights in the last layer."""
    fc = network()["fc"]
    weight = array(fc.weights["weight"].values * np.float32(1.01), Storage.FP32)
    return network().replace(replace(fc, weights={**fc.weights, "weight": weight}))


def weights(graph: Graph) -> list[np.ndarray]:
    conv, fc = graph["conv"].weights, graph["fc"].weights
    shapes = (4, 3, 3, 3), (4,), (5, 256), (5,)
    arrays = conv["weight"], conv["bias"], fc["weight"], fc["bias"]
    return [each.values.reshape(shape) for each, shape in zip(arrays, shapes, strict=True)]


def onnx_file(graph: Graph, path: Path) -> Path:
    """The network as an ONNX file."""
    names = ("conv.w", "conv.b", "fc.w", "fc.b")
    nodes = [
        helper.make_node("Conv", ["data", *names[:2]], ["convolved"], "conv", pads=[1] * 4),
        helper.make_node("Relu", ["convolved"], ["positive"], "relu"),
        helper.make_node("Flatten", ["positive"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", *names[2:]], ["output"], "fc", transB=1),
    ]
    data, output = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("data", (1, 3, 8, 8)), ("output", (1, 5)))
    )
    constants = [numpy_helper.from_array(v, name) for name, v in zip(names, weights(graph), strict=True)]
    made = helper.make_graph(nodes, "small", [data], [output], constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def torch_file(graph: Graph, path: Path) -> Path:
    """The network as TorchScript."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 5))
    for parameter, values in zip(model.parameters(), weights(graph), strict=True):
        parameter.data = torch.from_numpy(values.copy())
    torch.jit.trace(model.eval(), torch.zeros(1, 3, 8, 8)).save(str(path))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folders of a zoo, with the network in every format on `cpu` and the disturbed one as ONNX on `gpu`."""
    zoo = tmp_path_factory.mktemp("zoo")
    cpu, gpu = zoo / "results/cpu/small", zoo / "results/gpu/small"
    for folder in (cpu, gpu):
        folder.mkdir(parents=True)
    pair(network(), cpu)
    pair(to_bf16(network()), cpu, "bf16")
    pair(disturbed(), cpu, "fp16")  # only the name says what it is
    onnx_file(network(), cpu / "fp32.onnx")
    onnx_file(disturbed(), gpu / "fp32.onnx")
    torch_file(network(), cpu / "torchscript.pt")
    card().write(zoo / "results/weights/small.json")
    photos(zoo, 1)
    return zoo


def ncnn(files: Path, name: str):
    folder = files / "results/cpu/small"
    return artifact(folder / f"{name}.param", folder / f"{name}.bin", name=name, precision=name)


def given(files: Path):
    return read_inputs(Sample("0.png", files / "0.png"), FEED)


def truth(files: Path, graph: Graph) -> list[np.ndarray]:
    """What convolution, ReLU and inner product give, by torch."""
    kernel, bias, matrix, offset = map(torch.from_numpy, map(np.copy, weights(graph)))
    convolved = torch.nn.functional.conv2d(torch.from_numpy(given(files)[0])[None], kernel, bias, padding=1)
    return [
        each.numpy() for each in (convolved, convolved.relu(), convolved.relu().flatten() @ matrix.T + offset)
    ]


def check(differences, first: list[np.ndarray], second: list[np.ndarray]):
    for each, one, other in zip(differences, first, second, strict=True):
        assert each.cosine == pytest.approx(cosine(one, other), abs=1e-6)
        assert each.max_abs == pytest.approx(max_abs_error(one, other), rel=0.02, abs=1e-4)
        wanted = sqnr_db(one, other)
        assert each.sqnr_db > 100 if wanted == MAX_DB else abs(each.sqnr_db - wanted) < 0.1


def test_ncnn_files_are_compared_layer_by_layer(files):
    found = compare(ncnn(files, "fp32"), ncnn(files, "fp16"), given(files))
    assert [(each.layer, each.type, each.blob) for each in found] == [
        ("conv", "Convolution", "1"),
        ("relu", "ReLU", "2"),
        ("output 0", "", "output 0"),
    ]
    check(found, truth(files, network()), truth(files, disturbed()))


def test_every_layer_of_bf16_differs(files):
    found = compare(ncnn(files, "fp32"), ncnn(files, "bf16"), given(files))
    assert len(found) == 3 and all(30 < each.sqnr_db < 60 for each in found)


def test_onnx_files_are_compared_layer_by_layer(files):
    first, second = (
        artifact(files / f"results/{device}/small/fp32.onnx", runtime="onnxruntime", name="fp32.onnx")
        for device in ("cpu", "gpu")
    )
    found = compare(first, second, given(files))
    assert [(each.layer, each.type, each.blob) for each in found] == [
        ("conv", "Conv", "convolved"),
        ("relu", "Relu", "positive"),
        ("flatten", "Flatten", "flat"),
        ("output 0", "", "output 0"),
    ]
    (a, b, c), (d, e, f) = truth(files, network()), truth(files, disturbed())
    check(found, [a, b, b, c], [d, e, e, f])


@pytest.mark.parametrize("name", ["fp32.onnx", "torchscript.pt"])
def test_of_different_formats_the_outputs_are_compared(name, files):
    runtime = {"fp32.onnx": "onnxruntime", "torchscript.pt": "torch"}[name]
    other = artifact(files / "results/cpu/small" / name, runtime=runtime)
    (found,) = compare(other, ncnn(files, "fp16"), given(files))
    check([found], truth(files, network())[2:], truth(files, disturbed())[2:])


def test_blobs_that_come_in_another_order_are_passed_over(tmp_path, files):
    draw = normal(1)
    ends = {
        "in0": layer("Input", "in0", "", "in0", {}),
        "split": layer("Split", "split", "in0", "a b", {}),
        "one": layer("ReLU", "one", "a", "1", {}),
        "two": layer("Sigmoid", "two", "b", "2", {}),
        "add": layer("BinaryOp", "add", "1 2", "3", {0: 0}),
        "fc": layer("InnerProduct", "fc", "3", "out0", {0: 5, 2: 5 * 192}, draw),
    }
    orders = (list(ends), ["in0", "split", "two", "one", "add", "fc"])
    graphs = [Graph(tuple(ends[name] for name in order)) for order in orders]
    first, second = (artifact(*pair(graph, tmp_path, str(n))) for n, graph in enumerate(graphs))
    found = compare(first, second, given(files))
    assert [each.layer for each in found] == ["one", "add", "output 0"]
    assert all(each.sqnr_db == MAX_DB for each in found)


def test_other_outputs_are_an_error(tmp_path, files):
    wide = network().replace(layer("InnerProduct", "fc", "2", "out0", {0: 7, 1: 1, 2: 7 * 256}))
    other = artifact(*pair(wide, tmp_path, "wide"))
    with pytest.raises(ArtifactError, match="its outputs have the shape"):
        compare(ncnn(files, "fp32"), other, given(files))


def command(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_the_command_prints_and_writes(files, tmp_path):
    folder = files / "results/cpu/small"
    done = command(
        folder / "fp32.param",
        folder / "bf16.param",
        files / "0.png",
        *("--csv", tmp_path / "table.csv", "--plot", tmp_path / "chart.html"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cpu/small/bf16 against cpu/small/fp32, 0.png\n\nlayer ")
    assert (tmp_path / "table.csv").read_text().startswith("layer,type,blob,cosine,sqnr_db,max_abs,peak\n")
    assert "Plotly" in (tmp_path / "chart.html").read_text()


def test_the_command_says_what_is_wrong(files, tmp_path):
    folder = files / "results/cpu/small"
    pair(network(), tmp_path, "int8")
    (tmp_path / "int8.bin").write_bytes((tmp_path / "int8.bin").read_bytes()[:-100])
    (tmp_path / "broken.png").write_bytes(b"no image")
    card, old = files / "results/weights/small.json", tmp_path / "old.json"
    old.write_text('{"name": "small"}')
    for arguments, fault in [
        ((folder / "fp32.onnx", folder / "fp32.param", tmp_path / "none.png"), "there is no such image"),
        ((folder / "fp32.param", folder / "fp32.bin", tmp_path / "broken.png"), "cannot be read as an image"),
        ((folder / "fp32.param", folder / "fp16.onnx", files / "0.png"), "fp16.onnx"),
        ((folder / "fp32.param", tmp_path / "int8.param", files / "0.png", "--card", card), "cut short"),
        ((folder / "fp32.param", tmp_path / "int8.param", files / "0.png"), "name it with --card"),
        (
            (folder / "fp32.param", folder / "bf16.param", files / "0.png", "--card", old),
            "no model card as this",
        ),
    ]:
        done = command(*arguments)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith("error: ") and fault in done.stderr


def test_models_that_take_other_inputs_are_not_compared():
    check_same_model(card(), card("other", labels=("a",) * 5))
    with pytest.raises(
        ZooError, match="small and other take different preprocess, so they cannot be compared"
    ):
        check_same_model(card(), card("other", record=replace(RECORD, crop_pct=0.5)))
    with pytest.raises(ZooError, match="small and other take different inputs"):
        check_same_model(card(), card("other", inputs=Feed.image(RECORD, "photo").inputs))
