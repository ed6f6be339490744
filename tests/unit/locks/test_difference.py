"""What is kept of int8 gives its files byte for byte, is small, and is told from damage."""

import json
import lzma
import struct
from dataclasses import replace

import numpy as np
import pytest

from samples import convnet, convnext, transformer
from samples.ncnn import fed, weight_scales
from zoo.calibration.collect import collect
from zoo.errors import ZooError
from zoo.locks.difference import difference, restored
from zoo.ncnn.bin import Storage
from zoo.ncnn.graph import Graph, write_files
from zoo.quantize.apply import apply
from zoo.quantize.recipe import LayerPlan, Recipe
from zoo.quantize.table import CalibrationTable
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.planning import column_plans, gemm_recipe, local_recipe, plain_recipe, shifted_recipe


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    """Of the convolutional network and of the transformer."""
    folder = tmp_path_factory.mktemp("statistics")
    convolutional = convnet.statistics_of(convnet.network(), convnet.pictures(24, 1), folder)
    files, graph = (folder / "rows.param", folder / "rows.bin"), transformer.network()
    write_files(graph, *files)
    draw = np.random.default_rng(1)
    shape = (transformer.TOKENS, transformer.WIDTH)
    rows = [(str(each), draw.standard_normal(shape, np.float32)) for each in range(16)]
    return convolutional, collect(graph, NcnnRunner(*files, "cpu", 1, precision="fp32"), fed(rows))


def files_of(graph: Graph, folder) -> tuple[bytes, bytes]:
    write_files(graph, folder / "x.param", folder / "x.bin")
    return (folder / "x.param").read_bytes(), (folder / "x.bin").read_bytes()


def test_int8_of_convolutions_comes_back_byte_for_byte(statistics, tmp_path):
    graph, seen = convnet.network(), statistics[0]
    local = local_recipe(graph, seen)
    shifted = shifted_recipe(graph, seen, local)
    scales = weight_scales(graph, ["fc1", "dw"])
    table = CalibrationTable(scales, {"fc1": 20.0, "dw": 30.0})
    plans = {name: LayerPlan("int8" if name in scales else "fp16") for name in local.layers}
    recipes = [plain_recipe(graph), local, replace(local, gelu="tanh"), shifted]
    recipes += [local.floating(["stem"]), local.changed(rounding="nearest"), Recipe("t", plans, table)]
    for recipe in recipes:
        made = apply(graph, seen, recipe)
        assert files_of(restored(graph, difference(graph, made)), tmp_path) == files_of(made, tmp_path)


@pytest.mark.parametrize(("factor", "storage"), [(1e-2, Storage.FP16), (1e-5, Storage.FP32)])
def test_so_it_does_where_float_weights_are_small(factor, storage, tmp_path):
    graph = convnet.network()
    weight = graph["stem"].weights["weight"]
    small = replace(weight, values=weight.values * np.float32(factor))
    graph = graph.replace(
        replace(graph["stem"], weights={**graph["stem"].weights, "weight": small}),
    )
    seen = convnet.statistics_of(graph, convnet.pictures(8, 1), tmp_path)
    made = apply(graph, seen, plain_recipe(graph).floating(["stem"]))
    assert made["stem"].weights["weight"].storage is storage
    assert made["stem"].params.get(31, 0) == (storage is Storage.FP32)
    told = difference(graph, made)
    assert files_of(restored(graph, told), tmp_path) == files_of(made, tmp_path)
    assert len(told) < len(difference(graph, apply(graph, seen, plain_recipe(graph)))) + 400


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_so_it_does_of_linear_layers_and_attention(device, statistics, tmp_path):
    graph, seen = transformer.network(), statistics[1]
    local = local_recipe(graph, seen, device=device)
    smoothed = {
        name: replace(plan, through="norm", alpha=0.5, margin=1.0, shift=0.0)
        if name == "fc1" and plan.block is None
        else plan
        for name, plan in local.layers.items()
    }
    for recipe in (local, replace(local, layers=smoothed), plain_recipe(graph)):
        made = apply(graph, seen, recipe)
        assert files_of(restored(graph, difference(graph, made)), tmp_path) == files_of(made, tmp_path)


@pytest.mark.parametrize("version", [1, 2])
def test_so_it_does_of_convolutions_that_became_gemm_on_rows(version, tmp_path):
    graph = convnext.network(version)
    seen = convnet.statistics_of(graph, convnext.pictures(12, 1), tmp_path)
    recipe = gemm_recipe(graph, seen, local_recipe(graph, seen), 32)
    for each in (recipe, recipe.floating(["b_fc1"]), recipe.changed(rounding="nearest")):
        made = apply(graph, seen, each)
        told = difference(graph, made)
        assert files_of(restored(graph, told), tmp_path) == files_of(made, tmp_path)
        levels = sum(each.weights["B"].values.size for each in made.of_type("Gemm"))
        assert len(told) < levels / 2 + 6000  # of the float layers nothing is kept


def test_so_it_does_of_convolutions_on_columns_and_a_head_on_a_row(statistics, tmp_path):
    graph, seen = convnet.network(), statistics[0]
    local = local_recipe(graph, seen)
    plans = {name: replace(plan, block=32) for name, plan in column_plans(graph, seen, local).items()}
    assert set(plans) == {"fc1", "fc2", "head"}
    made = apply(graph, seen, replace(local, layers={**local.layers, **plans}))
    assert [layer.name for layer in made.of_type("Gemm")] == ["fc1", "fc2", "head"]
    assert files_of(restored(graph, difference(graph, made)), tmp_path) == files_of(made, tmp_path)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_weight_is_mostly_where_plain_rounding_puts_it(device, statistics):
    graph = transformer.network()
    recipe = local_recipe(graph, statistics[1], device=device)
    sizes = {}
    for rounding in ("nearest", "gptq"):
        made = apply(graph, statistics[1], recipe.changed(rounding=rounding))
        arrays = [each.values for layer in made.layers for each in layer.weights.values()]
        levels = sum(each.size for each in arrays if each.dtype == np.int8)
        sizes[rounding] = len(difference(graph, made)) / levels  # bytes a weight, with all else in the file
    assert levels > 10_000 and sizes["nearest"] < 0.35 and sizes["gptq"] < 0.55, sizes


def test_what_is_damaged_or_anothers_is_refused(statistics, tmp_path):
    graph, seen = convnet.network(), statistics[0]
    content = difference(graph, apply(graph, seen, local_recipe(graph, seen)))
    rest = (b"", content[:-1], content[: len(content) // 2], b"x" + content, b"\xfd7zXZ\0" + bytes(40))
    for damaged in rest:
        with pytest.raises(ZooError, match="no difference to these fp32 files"):
            restored(graph, damaged)
    with pytest.raises(ZooError):
        restored(transformer.network(), content)


def test_whatever_a_difference_holds_only_our_own_error_is_raised(statistics):
    graph, seen = convnet.network(), statistics[0]
    inner = lzma.decompress(difference(graph, apply(graph, seen, local_recipe(graph, seen))))
    head = 4 + struct.unpack_from("<I", inner)[0]
    draw = np.random.default_rng(2)
    refused = 0
    for _ in range(300):
        damaged = bytearray(inner)
        for place in draw.integers(head, size=draw.integers(1, 4)):
            damaged[place] = draw.integers(256) if draw.random() < 0.5 else damaged[draw.integers(head)]
        try:
            restored(graph, lzma.compress(bytes(damaged), preset=0))
        except ZooError:
            refused += 1
    assert refused > 150
    told = json.loads(inner[4:head])
    for arrays in (told["arrays"][:-1], [*told["arrays"], "same"]):
        fewer = json.dumps(told | {"arrays": arrays}).encode()
        with pytest.raises(ZooError):
            restored(graph, lzma.compress(struct.pack("<I", len(fewer)) + fewer + inner[head:], preset=0))
    for head_ in ("[]", "5", '{"param": 5, "arrays": []}', '{"param": "", "arrays": 3}', "[" * 100_000):
        with pytest.raises(ZooError):
            restored(graph, lzma.compress(struct.pack("<I", len(head_)) + head_.encode(), preset=0))
