"""Weights in blocks: what ncnn computes with them is what is predicted."""

from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import check_graph, layer, normal, run
from samples.statistics import statistics_of
from zoo.calibration.attention import with_projections
from zoo.calibration.layer_input import LayerInput
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph
from zoo.ncnn.group_wise import weight_bits
from zoo.ncnn.layer import Layer
from zoo.quantize.blocks import (
    BlockError,
    block_bytes,
    block_layer,
    can_have_blocks,
    input_rows,
    matrices,
    round_blocks,
    round_input_blocks,
)

WIDTH, OUTPUTS = 72, 24  # a whole block and a short one of any size but 128


def gemm() -> Layer:
    return layer(
        "Gemm",
        "x",
        "in0",
        "out0",
        trans_b=1,
        constant_b=1,
        constant_c=1,
        constant_n=OUTPUTS,
        constant_k=WIDTH,
        constant_broadcast_type_c=4,
    )


def attention(mask: bool = False) -> Layer:
    draw = normal(2)
    params = {0: WIDTH, 1: 3, 2: WIDTH * WIDTH} | ({5: 1} if mask else {})
    return layer(
        "MultiHeadAttention", "x", "in0 mask" if mask else "in0", "out0", params, lambda n: draw(n) / 8
    )


def graph_of(each: Layer) -> Graph:
    return Graph((layer("Input", "in0", "", "in0"), each))


def rows(count: int, seed: int = 7) -> np.ndarray:
    """Inputs some channels of which are much larger than others, and that go together."""
    draw = normal(seed)
    mixing = normal(99)(WIDTH * WIDTH).reshape(WIDTH, WIDTH) * np.float32(0.2) + np.eye(
        WIDTH, dtype=np.float32
    )
    return draw(count * WIDTH).reshape(count, WIDTH) @ mixing * np.geomspace(0.1, 10, WIDTH, dtype=np.float32)


def source(count: int = 600) -> LayerInput:
    return LayerInput.of(statistics_of({"x": rows(count)}), "x")


def share(difference: np.ndarray, signal: np.ndarray) -> float:
    return float(np.sum(difference.astype(np.float64) ** 2) / np.sum(signal.astype(np.float64) ** 2))


@pytest.mark.parametrize("alpha", [None, 0.5])
@pytest.mark.parametrize("size", [32, 64, 128])
def test_ncnn_computes_what_the_rounded_numbers_give(size, alpha, tmp_path):
    known, x = source(), rows(9, 3)
    changed = block_layer(gemm(), size, known, alpha, gptq=False)
    assert check_graph(graph_of(changed)) == []
    assert changed.weights["B"].storage is Storage.RAW_INT8
    by = 1 / changed.weights["B_input_scales"].values if alpha is not None else np.ones(WIDTH, np.float32)
    steps = 1 / changed.weights["B_scales"].values.reshape(OUTPUTS, -1)
    weights = changed.weights["B"].values.reshape(OUTPUTS, WIDTH) * np.repeat(steps, size, axis=1)[:, :WIDTH]
    exact = round_input_blocks(x / by, size) @ weights.T + changed.weights["C"].values
    output = run(graph_of(changed), x, tmp_path)
    # a value in the middle of two steps may be rounded either way
    assert share(output - exact, exact) < 1e-7
    assert share(output - run(graph_of(gemm()), x, tmp_path), exact) < 1e-3


def test_a_vector_of_zeros_gives_the_bias(tmp_path):
    changed = block_layer(gemm(), 32, source(), 0.5, gptq=True)
    output = run(graph_of(changed), np.zeros((2, WIDTH), np.float32), tmp_path)
    np.testing.assert_allclose(output, np.tile(gemm().weights["C"].values, (2, 1)), rtol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_the_error_is_the_predicted_one(alpha, tmp_path):
    known, x = source(), rows(400, 11)
    exact = run(graph_of(gemm()), x, tmp_path)
    for gptq in (False, True):
        predicted = BlockError(known, input_rows(gemm()), gptq, 64).predicted(alpha)
        output = run(graph_of(block_layer(gemm(), 64, known, alpha, gptq)), x, tmp_path)
        bias = gemm().weights["C"].values
        assert share(output - exact, exact - bias) == pytest.approx(predicted, rel=0.35)


def test_gptq_and_scales_by_channel_come_nearer(tmp_path):
    known, x = source(), rows(200, 5)
    exact = run(graph_of(gemm()), x, tmp_path)

    def error(alpha: float | None, gptq: bool) -> float:
        return share(run(graph_of(block_layer(gemm(), 128, known, alpha, gptq)), x, tmp_path) - exact, exact)

    assert error(0.75, True) < 0.8 * error(0.75, False)
    assert error(0.75, True) < 0.7 * error(None, True)


def test_layers_in_another_form_become_gemm(tmp_path):
    known, x = source(), rows(4, 3)
    inner = layer(
        "InnerProduct", "x", "in0", "out0", num_output=OUTPUTS, bias_term=1, weight_data_size=WIDTH * OUTPUTS
    )
    transposed = layer(
        "Gemm",
        "x",
        "in0",
        "out0",
        constant_b=1,
        constant_c=1,
        constant_n=OUTPUTS,
        constant_k=WIDTH,
        constant_broadcast_type_c=4,
    )
    for each in (inner, transposed):
        changed = block_layer(each, 32, known, None, gptq=False)
        assert changed.type == "Gemm" and changed.param(3) == 1
        exact = run(graph_of(each), x, tmp_path)
        assert share(run(graph_of(changed), x, tmp_path) - exact, exact) < 1e-4


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("alpha", [None, 0.5])
def test_attention_stays_close(alpha, mask, tmp_path):
    x, plain = rows(20, 3) / 8, attention(mask)
    bias = layer("MemoryData", "mask", "", "mask", w=20, h=20, c=3)
    known = LayerInput.of(statistics_of({"x": rows(600) / 8}), "x")
    changed = block_layer(plain, 32, known, alpha, gptq=True)

    def graph(each: Layer) -> Graph:
        return Graph((graph_of(each).layers[0], *([bias] if mask else []), each))

    assert check_graph(graph(changed)) == []
    assert set(matrices(plain)) == {"q", "k", "v", "out"}
    exact = run(graph(plain), x, tmp_path)
    assert share(run(graph(changed), x, tmp_path) - exact, exact) < 3e-4
    np.testing.assert_array_equal(changed.weights["out_bias"].values, plain.weights["out_bias"].values)


def test_the_last_projection_is_rounded_by_what_it_reads(tmp_path):
    """Which is much alike for all rows: what rounding to nearest adds to each of them is the same number."""
    x, plain = rows(60, 3) / 8, attention()
    known = LayerInput.of(statistics_of({"x": x}), "x")
    opened = with_projections(graph_of(plain))
    last = replace(opened.layers[-1], type="Noop", params={}, weights={})
    read = run(opened.replace(last), x, tmp_path).astype(np.float64)
    exact = run(graph_of(plain), x, tmp_path)
    for bits in (4, 6, 8):
        errors = [
            share(run(graph_of(each), x, tmp_path) - exact, exact)
            for each in (
                block_layer(plain, 32, known, None, True, bits, projected)
                for projected in (None, read.T @ read / len(read))
            )
        ]
        assert errors[1] < (0.95 if bits == 8 else 0.6) * errors[0]


@pytest.mark.parametrize("alpha", [None, 0.5])
@pytest.mark.parametrize(("size", "bits"), [(32, 4), (64, 6), (128, 4)])
def test_ncnn_computes_with_few_bits_what_numpy_does(size, bits, alpha, tmp_path):
    known, x = source(), rows(9, 3)
    changed = block_layer(gemm(), size, known, alpha, True, bits)
    assert check_graph(graph_of(changed)) == [] and weight_bits(changed) == bits
    by = changed.weights["B_input_scales"].values if alpha is not None else np.ones(WIDTH, np.float32)
    steps = 1 / changed.weights["B_scales"].values.reshape(OUTPUTS, -1)
    weights = changed.weights["B"].values.reshape(OUTPUTS, WIDTH) * np.repeat(steps, size, axis=1)[:, :WIDTH]
    expected = x.astype(np.float64) @ (weights * by).T + changed.weights["C"].values
    np.testing.assert_allclose(run(graph_of(changed), x, tmp_path), expected, rtol=2e-4, atol=2e-3)
    dense = {**gemm().weights, "B": array((weights * by).astype(np.float32), Storage.FP32)}
    assert share(run(graph_of(replace(gemm(), weights=dense)), x, tmp_path) - expected, expected) < 1e-10


@pytest.mark.parametrize("bits", [4, 6])
def test_the_error_of_few_bits_is_the_predicted_one(bits, tmp_path):
    known, x = source(), rows(400, 11)
    exact = run(graph_of(gemm()), x, tmp_path)
    for alpha in (0.0, 0.5):
        predicted = BlockError(known, input_rows(gemm()), True, 64, bits).predicted(alpha)
        output = run(graph_of(block_layer(gemm(), 64, known, alpha, True, bits)), x, tmp_path)
        assert share(output - exact, exact - gemm().weights["C"].values) == pytest.approx(predicted, rel=0.5)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_the_bytes_are_those_of_the_file(bits):
    for each in (gemm(), attention()):
        for alpha in (None, 0.5):
            changed = block_layer(each, 32, source(), alpha, True, bits)
            stored = [array for role, array in changed.weights.items() if "scales" in role or array.width]
            stored += [array for array in changed.weights.values() if array.storage is Storage.RAW_INT8]
            assert block_bytes(each, 32, alpha is not None, bits) == sum(len(one.tobytes()) for one in stored)


def test_which_layers_can():
    assert can_have_blocks(gemm()) and can_have_blocks(attention()) and can_have_blocks(attention(mask=True))
    cross = layer("MultiHeadAttention", "x", "a b c", "d", embed_dim=8, num_heads=2, weight_data_size=64)
    wide = layer("MultiHeadAttention", "x", "a", "d", embed_dim=8, num_heads=2, weight_data_size=48)
    assert not can_have_blocks(cross) and not can_have_blocks(wide)
    assert not can_have_blocks(block_layer(attention(), 32, source(), None, gptq=False))
    assert not can_have_blocks(
        layer("Convolution", "x", "a", "b", num_output=6, kernel_w=1, weight_data_size=42)
    )


def test_dead_rows_and_blocks_have_finite_scales():
    weights = np.ones((2, 70), np.float32)
    weights[0], weights[1, 64:] = 0, 0
    levels, scales = round_blocks(weights, 64, None)
    np.testing.assert_array_equal(scales, [[1, 1], [127, 1]])
    assert not levels[0].any() and not levels[1, 64:].any() and (levels[1, :64] == 127).all()
    assert not round_input_blocks(np.zeros((1, 70)), 64).any()
