"""fp16 storage, compared with what the real pnnx writes from the same model."""

import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from samples.ncnn import chain, check_graph, layer, normal, parameters, run
from zoo.array_types import FLOAT16_MAX
from zoo.errors import ZooError
from zoo.export.pnnx import program
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.check import load_checked
from zoo.ncnn.fp16 import PRECISION, kept, round_to_fp16, to_fp16
from zoo.ncnn.graph import Graph, read_graph, unique_names, write_graph
from zoo.ncnn.options import options
from zoo.runners.ncnn_runner import NcnnRunner


class Attention(nn.Module):
    """Two heads, written out; pnnx makes Gemm, MatMul and a constant of it. x: (1, 6, 10)"""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(10)
        self.qkv = nn.Linear(10, 30)
        self.project = nn.Linear(10, 10)
        self.gamma = nn.Parameter(torch.randn(1, 1, 10))

    def forward(self, x):
        q, k, v = (part.reshape(6, 2, 5).transpose(0, 1) for part in self.qkv(self.norm(x)).chunk(3, dim=-1))
        mixed = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        return x + self.gamma * self.project(mixed.transpose(0, 1).reshape(1, 6, 10))


def edge_case_convolution():
    """Weights at the borders of rounding: ties, subnormals, the largest float16; bit patterns at random."""
    edges = [0x387FFFFF, 0x38800000, 0x38801000, 0x38803000, 0x3F801000, 0x3F803000, 0x3F800FFF, 0x3F801001]
    edges += [0xBF801000, 0xBF803000, 0x3FFFFFFF, 0x3FFFF000, 0x477FE000, 0x80000000, 0x00000001, 0x80000001]
    bits = np.random.default_rng(0).integers(0, 2**32, 32 * 32, dtype=np.uint32)
    bits[: len(edges)] = edges
    values = bits.view(np.float32)
    values[~(np.abs(values) <= FLOAT16_MAX)] = 1
    convolution = nn.Conv2d(32, 32, 1)
    convolution.weight.data = torch.from_numpy(values.reshape(32, 32, 1, 1))
    return convolution


MODELS = {
    "convolutions": lambda: (
        nn.Sequential(
            nn.Conv2d(3, 9, 3, padding=1, bias=False),
            nn.BatchNorm2d(9),
            nn.ReLU6(),
            nn.Conv2d(9, 9, 3, groups=9),
            nn.PReLU(9),
            nn.ConvTranspose2d(9, 5, 2, stride=2),
            nn.GroupNorm(5, 5),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(5, 7),
        ),
        (1, 3, 12, 12),
    ),
    "attention": lambda: (Attention(), (1, 6, 10)),
    "edge cases": lambda: (edge_case_convolution(), (1, 32, 4, 4)),
}


@pytest.fixture(scope="module", params=MODELS)
def pairs(request, tmp_path_factory):
    """The file pairs of one model: as pnnx writes them with fp16=0, and with fp16=1."""
    folder = tmp_path_factory.mktemp("pnnx")
    torch.manual_seed(0)
    model, shape = MODELS[request.param]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(model.eval(), torch.rand(shape)).save(str(folder / "model.pt"))
    found = []
    for fp16 in (0, 1):
        files = folder / f"{fp16}.param", folder / f"{fp16}.bin"
        command = [program(), "model.pt", f"inputshape={list(shape)}".replace(" ", ""), f"fp16={fp16}"]
        command += [f"ncnnparam={files[0]}", f"ncnnbin={files[1]}"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        found.append(files)
    return found


def contents(pair):
    return [path.read_bytes() for path in pair]


@pytest.mark.parametrize("fp16", [0, 1])
def test_a_pair_of_pnnx_is_sound_and_written_back_byte_for_byte(fp16, pairs, tmp_path):
    graph = read_graph(*pairs[fp16])
    assert check_graph(unique_names(graph)) == []
    again = tmp_path / "again.param", tmp_path / "again.bin"
    write_graph(graph, *again)
    assert contents(again) == contents(pairs[fp16])


def test_the_result_is_byte_for_byte_that_of_pnnx(pairs, tmp_path):
    half = tmp_path / "half.param", tmp_path / "half.bin"
    write_graph(to_fp16(read_graph(*pairs[0])), *half)
    assert contents(half) == contents(pairs[1])
    assert half[1].stat().st_size < pairs[0][1].stat().st_size


def test_only_tagged_arrays_change():
    graph = chain("MultiHeadAttention", embed_dim=8, num_heads=2, weight_data_size=64)
    half = to_fp16(graph)["x"].weights
    assert {role for role, each in half.items() if each.storage is Storage.FP16} == {
        "q_weight",
        "k_weight",
        "v_weight",
        "out_weight",
    }
    assert half["q_bias"] is graph["x"].weights["q_bias"]


def test_halving_twice_changes_nothing():
    half = to_fp16(chain("InnerProduct", num_output=3, weight_data_size=15))
    assert to_fp16(half).layers == half.layers


def test_rounding_is_to_the_nearest():
    values = normal()(10000)
    nearest = values.astype(np.float16)
    normals = np.abs(values) >= 2.0**-14
    np.testing.assert_array_equal(round_to_fp16(values)[normals], nearest[normals])


@pytest.mark.parametrize("value", [65520, -7e4, np.inf, np.nan])
def test_what_does_not_fit_names_the_layer(value):
    graph = chain("InnerProduct", num_output=1, bias_term=1, weight_data_size=3)
    weights = {**graph["x"].weights, "weight": array(np.array([1, value, 2]), Storage.FP32)}
    with pytest.raises(ZooError, match=r"layer x \(InnerProduct\): weight holds .*, which float16 cannot"):
        to_fp16(
            graph.replace(
                type(graph["x"])("InnerProduct", "x", ("in0",), ("out0",), {0: 1, 1: 1, 2: 3}, weights)
            )
        )


def test_ncnn_computes_with_the_rounded_weights(tmp_path):
    graph = chain("InnerProduct", num_output=4, weight_data_size=32)
    image = normal(1)(8)
    expected = round_to_fp16(graph["x"].weights["weight"].values).astype(np.float32).reshape(4, 8) @ image
    np.testing.assert_allclose(run(to_fp16(graph), image, tmp_path), expected, rtol=1e-5, atol=1e-5)
    assert (
        load_checked(tmp_path / "run.param", tmp_path / "run.bin")["x"].weights["weight"].storage
        is Storage.FP16
    )


def drawn_at(size):
    """Weights of that size at random."""
    return lambda count: normal()(count) * np.float32(size)


def inner_product(draw):
    return chain("InnerProduct", num_output=16, bias_term=1, weight_data_size=256, draw=draw)


def mask_of(layer):
    return layer.params.get(31, 0)


def test_small_weights_stay_float32_and_are_not_computed_in_float16():
    graph = inner_product(drawn_at(1e-5))
    half = to_fp16(graph)
    assert half["x"].weights["weight"] is graph["x"].weights["weight"]
    assert mask_of(half["x"]) == 1
    (sentence,) = kept(half)
    assert sentence.startswith("layer x (InnerProduct): weight stays float32 and is not computed in float16")
    assert "lose 0.17% of it: it reaches 3.1e-05" in sentence
    assert mask_of(to_fp16(half)["x"]) == 1 and mask_of(graph["x"]) == 0


@pytest.mark.parametrize("size", [6e-5, 1e-3, 4e-3])
def test_subnormal_numbers_are_kept_where_their_loss_would_be_felt(size):
    graph = inner_product(drawn_at(size))
    half = to_fp16(graph)
    weight, values = half["x"].weights["weight"], graph["x"].weights["weight"].values
    np.testing.assert_array_equal(weight.values, values.astype(np.float16))
    assert np.linalg.norm(round_to_fp16(values) - values) > PRECISION * np.linalg.norm(values)
    assert weight.storage is Storage.FP16 and mask_of(half["x"]) == 0 and kept(half) == []
    assert to_fp16(half).layers == half.layers


@pytest.mark.parametrize("size", [2e4, 1.0, 0.02, 0.0])
def test_normal_weights_are_as_pnnx_rounds_them(size):
    graph = inner_product(drawn_at(size))
    values = graph["x"].weights["weight"].values
    values[np.abs(values) > FLOAT16_MAX] = 1
    half = to_fp16(graph)
    np.testing.assert_array_equal(half["x"].weights["weight"].values, round_to_fp16(values))
    assert mask_of(half["x"]) == 0 and kept(half) == []


def test_no_rounding_of_normal_numbers_is_beyond_the_limit():
    """The worst one: halfway between two numbers, just above a power of two."""
    values = np.full(256, 1 + 2.0**-11, np.float32)
    half = to_fp16(inner_product(lambda count: values[:count]))
    lost = np.linalg.norm(values - half["x"].weights["weight"].floats()) / np.linalg.norm(values)
    assert lost == pytest.approx(PRECISION, rel=1e-3) and mask_of(half["x"]) == 0


def test_only_the_named_layers_are_masked():
    graph = inner_product(drawn_at(1e-5))
    assert mask_of(to_fp16(graph, ["y"])["x"]) == 0
    other = graph.replace(replace(graph["x"], params={**graph["x"].params, 31: 64}))
    assert mask_of(to_fp16(other)["x"]) == 65, "beside what the layer must not do anyway"


KINDS = {
    "Convolution": (
        parameters(
            "Convolution", num_output=16, kernel_w=3, pad_left=1, bias_term=1, weight_data_size=16 * 16 * 9
        ),
        (16, 12, 12),
    ),
    "ConvolutionDepthWise": (
        parameters(
            "ConvolutionDepthWise",
            num_output=16,
            kernel_w=3,
            pad_left=1,
            bias_term=1,
            group=16,
            weight_data_size=16 * 9,
        ),
        (16, 12, 12),
    ),
    "Deconvolution": ({0: 16, 1: 2, 3: 2, 5: 1, 6: 16 * 16 * 4}, (16, 12, 12)),
    "InnerProduct": ({0: 16, 1: 1, 2: 256}, (16,)),
    "Gemm": ({3: 1, 5: 1, 6: 1, 8: 16, 9: 16, 10: 4}, (5, 16)),
    "MultiHeadAttention": ({0: 16, 1: 2, 2: 256}, (5, 16)),
}


def between(kind, size):
    """A layer of that kind, with weights of that size, between two that store float16 if the runtime does."""
    middle = layer(kind, "x", "a", "b", KINDS[kind][0])
    weights = {
        role: replace(each, values=each.values * np.float32(size)) if "eight" in role or role == "B" else each
        for role, each in middle.weights.items()
    }
    middle = replace(middle, weights=weights)
    ends = layer("Input", "in0", "", "in0"), layer("ReLU", "before", "in0", "a")
    return Graph((*ends, middle, layer("ReLU", "after", "b", "out0", slope=0.5)))


def answer(graph, folder, name, device, precision):
    """What ncnn makes of a large input, as it is told for that precision."""
    pair = folder / f"{name}.param", folder / f"{name}.bin"
    write_graph(graph, *pair)
    shape = KINDS[graph["x"].type][1]
    image = 1000 * np.abs(normal(5)(int(np.prod(shape))).reshape(shape))
    return NcnnRunner(*pair, device, 1, precision).run((image,))[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_ncnn_answers_rightly_where_pnnx_would_lose_all(kind, device, tmp_path, request):
    if device == "gpu":
        request.getfixturevalue("vulkan")
    graph = between(kind, 1e-5)
    right = answer(graph, tmp_path, "fp32", "cpu", "fp32")
    lost = np.linalg.norm(answer(to_fp16(graph), tmp_path, "fp16", device, "fp16") - right)
    assert lost < 4e-3 * np.linalg.norm(right)
    assert options("fp16")["use_fp16_storage"], "else nothing was shown"
