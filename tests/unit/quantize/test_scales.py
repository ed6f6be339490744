"""int8 weights and files, against closed forms in integers and the installed ncnn."""

from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import chain, check_graph, layer, normal, parameters, run, small_network, weight_scales
from zoo.errors import ZooError
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.check import check_files
from zoo.ncnn.graph import Graph, write_graph
from zoo.quantize.scales import absmax_scales, quantize, round_to_int8, weight_rows
from zoo.quantize.table import CalibrationTable, read_table, write_table


def table_for(graph, image_absmax=3.0, layers=None):
    names = layers or [each.name for each in graph.layers if "weight" in each.weights]
    scale = float(np.float32(127 / image_absmax))
    return CalibrationTable(weight_scales(graph, names), dict.fromkeys(names, scale))


def steps(values, scale):
    """round(values * scale), halves away from zero, as whole numbers in ±127."""
    scaled = (values * np.float32(scale)).astype(np.float64)
    return np.clip(np.trunc(scaled + np.copysign(0.5, scaled)), -127, 127).astype(np.int64)


def convolved(image, weight, groups=1):
    """Convolution of integers, stride 1, padded to the same size: (C, H, W), (O, I, K, K) -> (O, H, W)."""
    outputs, inputs, size, _ = weight.shape
    padded = np.pad(image, ((0, 0), (size // 2,) * 2, (size // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    windows = windows.reshape(groups, inputs, *windows.shape[1:])
    weight = weight.reshape(groups, outputs // groups, inputs, size, size)
    return np.einsum("gihwyx,goiyx->gohw", windows, weight).reshape(outputs, *image.shape[1:])


def test_scales_map_the_largest_weight_of_a_channel_to_127():
    graph = small_network()
    scales = weight_scales(graph, ["conv", "dw", "fc"])
    assert {name: value.size for name, value in scales.items()} == {"conv": 4, "dw": 4, "fc": 5}
    for name, value in scales.items():
        rows = weight_rows(graph[name])
        np.testing.assert_allclose(value * np.abs(rows).max(axis=1), 127, rtol=1e-6)
        assert (np.abs(round_to_int8(rows, value)).max(axis=1) == 127).all()


def test_a_group_of_channels_shares_a_scale():
    graph = chain("ConvolutionDepthWise", num_output=8, kernel_w=3, weight_data_size=8 * 2 * 9, group=4)
    assert weight_rows(graph["x"]).shape == (4, 36)
    assert weight_scales(graph, ["x"])["x"].size == 4


@pytest.mark.parametrize("tiny", [0.0, 1e-45, 1e-38, 1e-35])
def test_a_channel_without_weights_gets_a_harmless_scale(tiny):
    rows = np.array([[tiny, -tiny], [1, 2]], np.float32)
    scales = absmax_scales(rows)
    np.testing.assert_array_equal(scales, np.float32([1, 63.5]))
    np.testing.assert_array_equal(round_to_int8(rows, scales), [[0, 0], [64, 127]])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 1),
        (-0.5, -1),
        (1.5, 2),
        (2.5, 3),
        (-2.5, -3),
        (0.49, 0),
        (0.49999997, 0),
        (126.5, 127),
        (-300, -127),
    ],
)
def test_halves_round_away_from_zero_and_ranges_are_symmetric(value, expected):
    assert round_to_int8(np.float32([[value]]), np.float32([1])) == expected


CASES = [
    (
        "Convolution",
        parameters("Convolution", num_output=5, kernel_w=1, bias_term=1, weight_data_size=5 * 7),
        (7, 6, 6),
    ),
    (
        "Convolution",
        parameters("Convolution", num_output=16, kernel_w=1, bias_term=1, weight_data_size=16 * 32),
        (32, 6, 6),
    ),
    (
        "Convolution",
        parameters(
            "Convolution", num_output=5, kernel_w=3, pad_left=1, bias_term=1, weight_data_size=5 * 7 * 9
        ),
        (7, 6, 6),
    ),
    (
        "Convolution",
        parameters(
            "Convolution", num_output=16, kernel_w=3, pad_left=1, bias_term=0, weight_data_size=16 * 32 * 9
        ),
        (32, 6, 6),
    ),
    (
        "ConvolutionDepthWise",
        parameters(
            "ConvolutionDepthWise",
            num_output=7,
            kernel_w=3,
            pad_left=1,
            bias_term=1,
            weight_data_size=7 * 9,
            group=7,
        ),
        (7, 6, 6),
    ),
    (
        "ConvolutionDepthWise",
        parameters(
            "ConvolutionDepthWise",
            num_output=16,
            kernel_w=5,
            pad_left=2,
            bias_term=1,
            weight_data_size=16 * 25,
            group=16,
        ),
        (16, 6, 6),
    ),
    (
        "ConvolutionDepthWise",
        parameters(
            "ConvolutionDepthWise",
            num_output=8,
            kernel_w=3,
            pad_left=1,
            bias_term=1,
            weight_data_size=8 * 3 * 9,
            group=4,
        ),
        (12, 6, 6),
    ),
    ("InnerProduct", parameters("InnerProduct", num_output=5, bias_term=1, weight_data_size=5 * 42), (42,)),
    ("InnerProduct", parameters("InnerProduct", num_output=16, bias_term=0, weight_data_size=16 * 64), (64,)),
]


@pytest.mark.parametrize(("kind", "params", "shape"), CASES)
def test_ncnn_computes_the_closed_form(kind, params, shape, tmp_path):
    graph = chain(kind, params)
    image = normal(1)(int(np.prod(shape))).reshape(shape)
    table = table_for(graph, np.abs(image).max())
    rows, scales = weight_rows(graph["x"]), table.weights["x"]
    whole = np.stack([steps(row, scale) for row, scale in zip(rows, scales, strict=True)])
    np.testing.assert_array_equal(round_to_int8(rows, scales), whole)

    image_steps = steps(image, table.activations["x"])
    outputs, groups = params[0], params.get(7, 1)
    if kind == "InnerProduct":
        sums = whole @ image_steps
    else:
        sums = convolved(image_steps, whole.reshape(outputs, -1, params[1], params[1]), groups)
    spread = np.repeat(scales.astype(np.float64), outputs // scales.size) * table.activations["x"]
    bias = graph["x"].weights["bias"].values if "bias" in graph["x"].weights else np.zeros(outputs)
    across = (slice(None),) + (None,) * (sums.ndim - 1)
    products = sums / spread[across]
    # for packed depthwise layers, x86 takes the reciprocal of the scales by rcpps, exact to 1.5 * 2**-12
    tolerance = 1.5 * 2.0**-12 if kind == "ConvolutionDepthWise" else 1e-6
    error = np.abs(run(quantize(graph, table), image, tmp_path) - (products + bias[across]))
    assert (error <= tolerance * np.abs(products) + 2e-6).all()


@pytest.mark.parametrize(("kind", "params", "shape"), CASES)
def test_weights_stored_as_int8_behave_bit_for_bit_as_fp32_weights_with_scales(kind, params, shape, tmp_path):
    graph = chain(kind, params)
    image = normal(1)(int(np.prod(shape))).reshape(shape)
    quantized = quantize(graph, table_for(graph))
    stored_float = replace(
        quantized["x"], weights={**quantized["x"].weights, "weight": graph["x"].weights["weight"]}
    )
    small, large = run(quantized, image, tmp_path), run(quantized.replace(stored_float), image, tmp_path)
    np.testing.assert_array_equal(small, large)


def test_a_network_stays_close_to_fp32(tmp_path):
    graph = small_network()
    image = normal(1)(192).reshape(3, 8, 8)
    exact = run(graph, image, tmp_path)
    table = table_for(graph, 12.0)
    close = run(quantize(graph, table), image, tmp_path)
    closer = run(quantize(graph, table_for(graph, 12.0, ["conv", "fc"])), image, tmp_path)
    assert 0 < np.abs(close - exact).max() < 0.05 * np.abs(exact).max()
    assert 0 < np.abs(closer - exact).max() < 0.05 * np.abs(exact).max()


def test_a_dead_channel_gives_its_bias(tmp_path):
    graph = chain("Convolution", num_output=3, kernel_w=1, bias_term=1, weight_data_size=12)
    weights = graph["x"].weights["weight"].values.reshape(3, 4).copy()
    weights[1] = 0
    dead = replace(graph["x"], weights={**graph["x"].weights, "weight": array(weights, Storage.FP32)})
    graph = graph.replace(dead)
    output = run(quantize(graph, table_for(graph)), normal(1)(36).reshape(4, 3, 3), tmp_path)
    np.testing.assert_array_equal(output[1], np.full((3, 3), dead.weights["bias"].values[1]))
    assert np.isfinite(output).all()


@pytest.mark.parametrize("storage", ["fp32", "fp16"])
def test_only_the_layers_of_the_table_become_int8(storage, tmp_path):
    graph = small_network()
    table = table_for(graph, layers=["conv", "fc"])
    quantized = quantize(graph, table, storage)
    assert check_graph(quantized) == []
    assert [quantized[name].param(8) for name in ("conv", "dw", "fc")] == [2, 0, 2]
    stored = {name: quantized[name].weights["weight"].storage for name in ("conv", "dw", "fc")}
    floating = Storage.FP16 if storage == "fp16" else Storage.FP32
    assert stored == {"conv": Storage.INT8, "dw": floating, "fc": Storage.INT8}
    pair = tmp_path / "int8.param", tmp_path / "int8.bin"
    write_graph(quantized, *pair)
    assert check_files(*pair) == []


def test_the_int8_file_is_about_a_quarter(tmp_path):
    graph = chain("Convolution", num_output=64, kernel_w=3, pad_left=1, weight_data_size=64 * 64 * 9)
    sizes = []
    for each in (graph, quantize(graph, table_for(graph))):
        write_graph(each, tmp_path / "x.param", tmp_path / "x.bin")
        sizes.append((tmp_path / "x.bin").stat().st_size)
    assert sizes[1] == pytest.approx(sizes[0] / 4, rel=0.01)


def test_depthwise_layers_use_one_scale_a_group():
    graph = small_network()
    assert quantize(graph, table_for(graph))["dw"].param(8) == 1


def test_a_table_that_went_through_a_file_gives_the_same_graph(tmp_path):
    graph = small_network()
    table = table_for(graph)
    write_table(table, tmp_path / "int8.table")
    again = read_table(tmp_path / "int8.table")
    for name, each in (("a", table), ("b", again)):
        write_graph(quantize(graph, each), tmp_path / f"{name}.param", tmp_path / f"{name}.bin")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert (tmp_path / "a.param").read_bytes() == (tmp_path / "b.param").read_bytes()


def test_a_table_that_does_not_fit_is_refused_with_every_problem():
    table = CalibrationTable({"conv": np.float32([1, np.inf, 1, 1]), "other": np.float32([1])}, {"conv": 0.0})
    with pytest.raises(ZooError) as caught:
        quantize(small_network(), table)
    for part in ("layer other is in the table", "1 weight scales that are", "the activation scale 0.0"):
        assert part in str(caught.value)


def test_quantizing_twice_is_refused():
    graph = small_network()
    table = table_for(graph)
    with pytest.raises(ZooError, match=r"layer conv \(Convolution\) is int8 already"):
        quantize(quantize(graph, table), table)


@pytest.mark.parametrize("name", ["pool", "add"])
def test_only_layers_with_a_weight_matrix_have_scales(name):
    with pytest.raises(ZooError, match=f"layer {name} .* has no weights that can be int8"):
        weight_scales(small_network(), [name])


def test_weights_that_do_not_divide_into_channels_are_named():
    odd = layer("Convolution", "odd", "in0", "out0", num_output=3, kernel_w=1, weight_data_size=10)
    with pytest.raises(
        ZooError, match=r"layer odd \(Convolution\): 10 weights do not divide into 3 channels"
    ):
        weight_scales(Graph((odd,)), ["odd"])
