"""Attention with its last projection behind it."""

from pathlib import Path

import numpy as np
import pytest

from samples.ncnn import chain, check_graph, layer, normal, run
from zoo.calibration.attention import has_own_projection, projection_name, with_projections
from zoo.ncnn.graph import Graph

WIDTH = 24


def attention(**named: int) -> Graph:
    draw = normal(3)
    sizes = {"embed_dim": WIDTH, "num_heads": 2, "weight_data_size": WIDTH * WIDTH, **named}
    return chain("MultiHeadAttention", draw=lambda size: draw(size) / np.float32(WIDTH**0.5), **sizes)


def test_it_computes_the_same_and_shows_what_the_projection_reads(tmp_path: Path):
    graph, rows = attention(), normal(1)(7 * WIDTH).reshape(7, WIDTH)
    opened = with_projections(graph)
    assert check_graph(opened) == [] and opened.outputs == graph.outputs
    exact = run(graph, rows, tmp_path)
    np.testing.assert_allclose(run(opened, rows, tmp_path), exact, atol=1e-5)
    read = run(
        Graph((*opened.layers[:-1], layer("Noop", "end", projection_name("x"), "out0"))), rows, tmp_path
    )
    weights = graph["x"].weights
    product = read @ weights["out_weight"].values.reshape(WIDTH, WIDTH).T + weights["out_bias"].values
    np.testing.assert_allclose(product, exact, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        {"quantize_term": 800},
        {"kv_cache": 1},
        {"weight_data_size": WIDTH * 12, "kdim": 12, "vdim": 12},
    ],
)
def test_other_attention_stays(other):
    graph = attention(**other)
    assert not has_own_projection(graph["x"]) and with_projections(graph).layers == graph.layers
