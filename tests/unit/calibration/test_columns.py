"""Columns: weights times column is what ncnn computes at that position."""

import numpy as np
import pytest

from samples.ncnn import chain, layer, normal, parameters, run
from zoo.calibration.columns import PIXEL, Draw, Window, pixel_columns, window, window_columns
from zoo.errors import ZooError
from zoo.quantize.scales import weight_rows

EVERY = Draw(np.full(10_000, 0.5))  # as many draws as there are positions, so each is taken

CASES = [
    (parameters("Convolution", num_output=5, kernel_w=1, bias_term=1, weight_data_size=35), (7, 6, 5)),
    (parameters("Convolution", num_output=5, kernel_w=3, bias_term=1, weight_data_size=315), (7, 6, 5)),
    (
        parameters("Convolution", num_output=5, kernel_w=3, pad_left=1, bias_term=1, weight_data_size=315),
        (7, 6, 5),
    ),
    (
        parameters("Convolution", num_output=5, kernel_w=2, stride_w=2, bias_term=1, weight_data_size=140),
        (7, 6, 5),
    ),
    (
        parameters(
            "Convolution",
            num_output=5,
            kernel_w=3,
            dilation_w=2,
            pad_left=2,
            bias_term=1,
            weight_data_size=315,
        ),
        (7, 9, 8),
    ),
    (
        parameters(
            "Convolution",
            num_output=5,
            kernel_w=3,
            kernel_h=1,
            pad_left=1,
            pad_top=0,
            stride_w=2,
            stride_h=1,
            bias_term=1,
            weight_data_size=105,
        ),
        (7, 6, 5),
    ),
    (
        parameters(
            "Convolution",
            num_output=5,
            kernel_w=3,
            pad_left=1,
            pad_right=2,
            pad_top=0,
            pad_bottom=3,
            bias_term=1,
            weight_data_size=315,
        ),
        (7, 6, 5),
    ),
    (
        parameters(
            "Convolution",
            num_output=5,
            kernel_w=3,
            stride_w=2,
            pad_left=-233,
            bias_term=1,
            weight_data_size=315,
        ),
        (7, 8, 7),
    ),
    (
        parameters(
            "Convolution",
            num_output=5,
            kernel_w=3,
            stride_w=2,
            pad_left=-234,
            bias_term=1,
            weight_data_size=315,
        ),
        (7, 8, 7),
    ),
    (
        parameters(
            "Convolution",
            num_output=5,
            kernel_w=3,
            pad_left=1,
            pad_value=0.7,
            bias_term=1,
            weight_data_size=315,
        ),
        (7, 6, 5),
    ),
]


@pytest.mark.parametrize(("params", "shape"), CASES)
def test_rows_times_columns_is_the_convolution(params, shape, tmp_path):
    graph = chain("Convolution", params)
    image = normal(1)(int(np.prod(shape))).reshape(shape)
    view = window(graph["x"])
    assert view is not None
    columns = window_columns(image, view, weight_rows(graph["x"]).shape[1], EVERY)
    output = weight_rows(graph["x"]) @ columns.T + graph["x"].weights["bias"].values[:, None]
    np.testing.assert_allclose(output, run(graph, image, tmp_path).reshape(5, -1), atol=1e-4)


@pytest.mark.parametrize("shape", [(42,), (7, 3, 2), (4, 42)])
def test_an_inner_product_multiplies_all_features_or_those_of_a_row(shape, tmp_path):
    graph = chain("InnerProduct", num_output=5, bias_term=1, weight_data_size=210)
    image = normal(1)(int(np.prod(shape))).reshape(shape)
    view = window(graph["x"])
    assert view is not None
    columns = window_columns(image, view, 42, EVERY)
    output = columns @ weight_rows(graph["x"]).T + graph["x"].weights["bias"].values
    np.testing.assert_allclose(output.squeeze(), run(graph, image, tmp_path), atol=1e-4)


def test_a_gemm_multiplies_rows(tmp_path):
    graph = chain(
        "Gemm",
        trans_a=0,
        trans_b=1,
        constant_a=0,
        constant_b=1,
        constant_c=1,
        constant_m=0,
        constant_n=5,
        constant_k=42,
        constant_broadcast_type_c=4,
    )
    image = normal(1)(4 * 42).reshape(4, 42)
    columns = window_columns(image, Window(flat=True), 42, EVERY)
    weights = graph["x"].weights
    output = columns @ weights["B"].values.reshape(5, 42).T + weights["C"].values
    assert window(graph["x"]) == Window(flat=True)
    np.testing.assert_allclose(output, run(graph, image, tmp_path), atol=1e-4)


def test_a_stride_alone_leaves_pixels():
    assert (
        window(layer("Convolution", "x", "a", "b", num_output=2, kernel_w=1, stride_w=2, weight_data_size=6))
        == PIXEL
    )


def test_depthwise_and_dynamic_layers_multiply_no_columns():
    assert (
        window(
            layer(
                "ConvolutionDepthWise", "x", "a", "b", num_output=4, kernel_w=3, weight_data_size=36, group=4
            )
        )
        is None
    )
    assert window(layer("Convolution", "x", "a c", "b", num_output=4, kernel_w=1, dynamic_weight=1)) is None
    assert window(layer("Gemm", "x", "a c", "b")) is None


def test_pixels_are_channels_at_a_position():
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(pixel_columns(image, EVERY), image.reshape(2, 12).T)
    few = pixel_columns(image, Draw(np.array([0.0, 0.99, 0.5])))
    np.testing.assert_array_equal(few[:, 0], [0, 7, 10])
    np.testing.assert_array_equal(few[:, 1] - few[:, 0], 12)


def test_positions_are_drawn_from_equal_stretches():
    random = np.random.default_rng(0)
    seen = np.zeros(49)
    for _ in range(2000):
        drawn = Draw(random.random(8)).positions(49)
        assert (np.diff(drawn) >= 0).all() and drawn.min() >= 0 and drawn.max() < 49
        seen[drawn] += 1
    assert seen.min() > 0.7 * seen.mean() and seen.max() < 1.3 * seen.mean()
    np.testing.assert_array_equal(Draw(random.random(8)).positions(5), np.arange(5))


def test_an_input_of_another_size_is_an_error():
    with pytest.raises(ZooError, match="gives no columns of 40 numbers"):
        window_columns(np.zeros((7, 3, 2), np.float32), Window(flat=True), 40, EVERY)
