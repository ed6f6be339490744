"""Thresholds by channel: what ncnn makes of a Quantize layer before an int8 convolution, on both devices."""

from dataclasses import replace

import numpy as np
import pytest

from samples.ncnn import check_graph, layer, normal, parameters, run
from zoo.ncnn.graph import Graph, write_graph
from zoo.quantize.channel_scales import insert_quantize
from zoo.quantize.scales import int8_layer, weight_rows
from zoo.runners.ncnn_runner import NcnnRunner


@pytest.fixture(params=["cpu", "gpu"])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "gpu":
        request.getfixturevalue("vulkan")
    return request.param


def outputs(graph, image, device, folder):
    write_graph(graph, folder / "q.param", folder / "q.bin")
    runner = NcnnRunner(folder / "q.param", folder / "q.bin", device, 1, precision="fp32")
    return next(iter(runner.blobs((image,), ["out0"])))[1]


def graph_of(params):
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("GELU", "gelu", "in0", "1"),
            layer("Convolution", "x", "1", "out0", params, normal(4)),
        )
    )


CASES = [
    (parameters("Convolution", num_output=16, kernel_w=1, bias_term=1, weight_data_size=16 * 32), (32, 6, 6)),
    (parameters("Convolution", num_output=5, kernel_w=1, bias_term=1, weight_data_size=5 * 7), (7, 6, 6)),
    (
        parameters(
            "Convolution", num_output=16, kernel_w=2, stride_w=2, bias_term=1, weight_data_size=16 * 32 * 4
        ),
        (32, 6, 6),
    ),
    (
        parameters(
            "Convolution", num_output=6, kernel_w=3, pad_left=1, bias_term=1, weight_data_size=6 * 12 * 9
        ),
        (12, 6, 6),
    ),
]


@pytest.mark.parametrize(("params", "shape"), CASES)
def test_ncnn_computes_the_closed_form(params, shape, device, tmp_path):
    graph = graph_of(params)
    image = normal(1)(int(np.prod(shape))).reshape(shape) * np.geomspace(0.1, 10, shape[0])[:, None, None]
    image = image.astype(np.float32)
    clip = np.geomspace(0.1, 10, shape[0]) * 2
    rows = weight_rows(graph["x"])
    step = np.repeat(clip, rows.shape[1] // shape[0]) / 127
    row_steps = np.abs(rows * step).max(axis=1) / 127
    levels = np.rint(rows * step / row_steps[:, None]).astype(np.int8)
    largest = clip.max() / 127
    weights = int8_layer(graph["x"], levels, (largest / row_steps).astype(np.float32), 1 / largest)
    scales = (127 / clip).astype(np.float32)
    quantized = insert_quantize(graph.replace(weights), {"x": scales})
    assert check_graph(quantized) == []

    def as_float(weight, clipped):
        """The float convolution of the image in whole steps with the weights in whole steps."""
        stored = graph["x"].weights["weight"]
        float_layer = replace(graph["x"], inputs=("in0",), weights={**graph["x"].weights})
        float_layer.weights["weight"] = replace(stored, values=weight.astype(np.float32).reshape(-1))
        float_layer.weights["bias"] = replace(
            graph["x"].weights["bias"], values=np.zeros(params[0], np.float32)
        )
        return run(Graph((graph.layers[0], float_layer)), clipped, tmp_path)

    activated = run(Graph((graph.layers[0], replace(graph["gelu"], outputs=("out0",)))), image, tmp_path)
    scaled = activated * scales[:, None, None]
    steps = np.clip(np.trunc(scaled + np.copysign(0.5, scaled)), -127, 127).astype(np.float32)
    expected = as_float(levels, steps) * row_steps[:, None, None]
    expected = expected + graph["x"].weights["bias"].floats()[:, None, None]
    found = outputs(quantized, image, device, tmp_path)
    # GELU differs between CPU and GPU by float rounding, which moves a value at half a step to the next
    allowed = 1e-4 * np.abs(expected).max() if device == "cpu" else 127 * row_steps.max()
    assert np.abs(found - expected).max() <= allowed


def shared():
    """One blob that two convolutions and a sum read."""
    draw = normal(4)
    return Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Split", "split", "in0", "a b c"),
            layer(
                "Convolution",
                "one",
                "a",
                "d",
                draw=draw,
                num_output=8,
                kernel_w=1,
                bias_term=1,
                weight_data_size=64,
            ),
            layer(
                "Convolution",
                "two",
                "b",
                "e",
                draw=draw,
                num_output=8,
                kernel_w=3,
                pad_left=1,
                bias_term=1,
                weight_data_size=576,
            ),
            layer("BinaryOp", "sum", "d c", "f", op_type=0),
            layer("BinaryOp", "product", "f e", "out0", op_type=2),
        )
    )


def test_readers_of_one_blob_by_the_same_scales_share_a_quantize(device, tmp_path):
    graph = shared()
    image = normal(1)(8 * 25).reshape(8, 5, 5)
    scales = np.linspace(20, 60, 8).astype(np.float32)
    stepped = {}
    for name in ("one", "two"):
        rows = weight_rows(graph[name])
        by = np.repeat(scales, rows.shape[1] // 8)
        row_scales = 127 / np.abs(rows / by * 20).max(axis=1)
        levels = np.rint(rows / by * 20 * row_scales[:, None]).astype(np.int8)
        stepped[name] = int8_layer(graph[name], levels, row_scales.astype(np.float32), 20.0)
    quantized = graph.replace(*stepped.values())
    apart = insert_quantize(insert_quantize(quantized, {"one": scales}), {"two": scales})
    together = insert_quantize(quantized, {"one": scales, "two": scales})
    assert [len(each.of_type("Quantize")) for each in (apart, together)] == [2, 1]
    assert check_graph(together) == []
    one, other = (outputs(each, image, device, tmp_path) for each in (apart, together))
    np.testing.assert_array_equal(one, other)
    exact = run(graph, image, tmp_path)
    assert np.abs(other - exact).max() < 0.1 * np.abs(exact).max()
    different = insert_quantize(quantized, {"one": scales, "two": scales * 2})
    assert len(different.of_type("Quantize")) == 2
