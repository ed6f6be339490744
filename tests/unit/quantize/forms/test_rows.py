"""Blocks of ConvNeXt on rows: what ncnn computes stays, for images of every size; others stay."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from samples.convnext import network, pictures
from samples.models import random_model
from samples.ncnn import check_graph, layer, normal, run
from zoo.export.pnnx import run_pnnx
from zoo.export.rewrites import rewrite
from zoo.export.torchscript import export_torchscript
from zoo.ncnn.graph import Graph, read_graph, unique_names
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Convolution, Permute, PermuteOrder, Reduction
from zoo.quantize.forms.columns import merge_transpositions
from zoo.quantize.forms.rows import as_rows, convolutions_on_rows, find_rows

POINTWISE = ("a_fc1", "a_fc2", "b_fc1", "b_fc2")


def forms(graph: Graph, names: tuple[str, ...] = POINTWISE) -> tuple[Graph, Graph]:
    rows = as_rows(graph, names)
    return rows, merge_transpositions(rows, names)


def assert_same(graph: Graph, others: tuple[Graph, ...], image: np.ndarray, folder: Path) -> None:
    expected = run(graph, image, folder)
    for other in others:
        assert check_graph(other) == []
        assert np.abs(run(other, image, folder) - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("side", [16, 12, 4])
def test_ncnn_computes_the_same_for_images_of_every_size(version, side, tmp_path):
    graph = network(version)
    ((_, image),) = pictures(1, seed=1, side=side)
    assert_same(graph, forms(graph), image, tmp_path)


def test_an_image_that_is_no_square_keeps_its_sides(tmp_path):
    image = normal(1)(3 * 8 * 20).reshape(3, 8, 20)
    assert_same(network(2), forms(network(2)), image, tmp_path)


def test_both_convolutions_of_a_block_are_gemm_and_a_permute_falls_away():
    rows, merged = forms(network())
    assert [each.name for each in merged.of_type("Gemm")] == list(POINTWISE)
    assert [each.name for each in merged.of_type("Convolution")] == ["stem", "down"]
    assert [each.name for each in merged.of_type("Permute")] == ["a_last", "down_last", "down_back", "b_last"]
    assert len(rows.of_type("Permute")) == len(network().of_type("Permute"))


def test_one_block_alone(tmp_path):
    graph = network(2)
    rows = as_rows(graph, ["b_fc2"])
    assert [each.name for each in rows.of_type("Gemm")] == ["b_fc1", "b_fc2"]
    assert_same(graph, (rows, merge_transpositions(rows, ["b_fc2"])), pictures(1, 1)[0][1], tmp_path)
    assert as_rows(graph, ["stem"]).layers == graph.layers


def test_convolutions_without_bias(tmp_path):
    plain = network()
    bare = {name: value for name, value in plain["b_fc1"].weights.items() if name != "bias"}
    params = {**plain["b_fc1"].params, Convolution.BIAS_TERM: 0}
    graph = plain.replace(replace(plain["b_fc1"], weights=bare, params=params))
    assert_same(graph, forms(graph), pictures(1, 1)[0][1], tmp_path)


def changed(graph: Graph, name: str, **params: object) -> Graph:
    kinds = {"Convolution": Convolution, "Permute": Permute, "Reduction": Reduction}
    ids = kinds[graph[name].type]
    new = {getattr(ids, key.upper()): value for key, value in params.items()}
    return graph.replace(replace(graph[name], params={**graph[name].params, **new}))


@pytest.mark.parametrize(
    "graph",
    [
        changed(network(), "a_fc2", kernel_w=3, pad_left=1),
        changed(network(), "a_fc2", pad_right=1),
        changed(network(), "a_fc2", stride_w=2),
        changed(network(), "a_fc2", activation_type=1),
        changed(network(2), "a_grn_norm", axes=(2,)),
        changed(network(2), "a_grn_norm", keepdims=0),
        changed(network(), "a_back", order_type=PermuteOrder.H_W),
    ],
)
def test_what_does_not_compute_each_pixel_alone_stays(graph):
    """Of a block with such a layer, at most what stands before it is on rows."""
    assert "a_fc2" not in convolutions_on_rows(graph)
    assert set(convolutions_on_rows(graph)) >= {"b_fc1", "b_fc2"}


def test_a_block_from_which_two_blobs_are_read_stays():
    layers: list[Layer] = []
    for each in network().layers:
        layers.append(each)
        if each.name == "a_fc1":
            layers[-1] = replace(each, outputs=("fork",))
            layers.append(layer("Split", "fork", "fork", "a_5 other"))
            layers.append(layer("ReLU", "relu", "other", "out1"))
    assert set(convolutions_on_rows(Graph(tuple(layers)))) == {"b_fc1", "b_fc2"}


def test_a_norm_of_rows_alone_has_no_place():
    assert find_rows(Graph((layer("Input", "in0", "", "in0"),))) == ()
    assert [place.norm for place in find_rows(network())] == ["a_norm", "b_norm"]


@pytest.mark.parametrize(
    ("name", "kwargs", "second"),
    [
        ("convnext_tiny", {}, None),
        ("convnext_atto", {"conv_mlp": True}, None),
        ("convnextv2_tiny", {}, (96, 80)),
    ],
)
def test_a_model_as_timm_and_pnnx_write_it(name, kwargs, second, tmp_path):
    """From Linear layers, and from convolutions; for shapes that are not fixed, too."""
    sizes = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "num_classes": 10}
    model, image = random_model(name, size=64, **sizes, **kwargs)
    rewrite(model, image, second is not None)
    files = tmp_path / "m.pt", tmp_path / "m.param", tmp_path / "m.bin"
    other = (1, 3, *second) if second else None
    export_torchscript(model, (image,), files[0], (torch.zeros(other),) if other else None)
    run_pnnx(files[0], [tuple(image.shape)], *files[1:], [other] if other else None, 1)
    graph = unique_names(read_graph(*files[1:]))
    names = tuple(convolutions_on_rows(graph))
    assert len(names) == 8
    for height, width in ((64, 64), second or (64, 64)):
        assert_same(
            graph, forms(graph, names), normal(3)(3 * height * width).reshape(3, height, width), tmp_path
        )
