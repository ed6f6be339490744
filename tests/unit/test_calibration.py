"""Calibration statistics, against torch and against known arrays."""

import numpy as np
import pytest
from artifact_samples import pair
from ncnn_samples import chain, layer, normal, small_network

from zoo.arrays import write_arrays
from zoo.calibration import CalibrationStatistics, collect, source_blob
from zoo.errors import ZooError
from zoo.ncnn_graph import Graph
from zoo.runners.ncnn_runner import NcnnRunner

SIZES = {"Convolution": {0: 2, 1: 1, 6: 6}, "InnerProduct": {0: 2, 2: 6}}


class Shown:
    """A runner that shows the images themselves as every blob."""

    def __init__(self):
        self.asked = []

    def blobs(self, image, names):
        self.asked.append(list(names))
        return [(name, image) for name in names]


def images(count, shape=(3, 8, 8)):
    draw, size = normal(7), int(np.prod(shape))
    return [(f"{index}.png", (index + 1) * draw(size).reshape(shape) + 0.3) for index in range(count)]


def test_statistics_of_a_network_are_those_of_torch(tmp_path):
    import torch
    from torch.nn.functional import conv2d, leaky_relu

    graph = small_network()
    weights = {
        (name, role): torch.from_numpy(graph[name].weights[role].values.copy())
        for name in ("conv", "dw")
        for role in ("weight", "bias")
    }
    batch = torch.from_numpy(np.stack([image for _, image in images(4)]))
    conv = conv2d(batch, weights["conv", "weight"].view(4, 3, 3, 3), weights["conv", "bias"], padding=1)
    conv = leaky_relu(conv, 0.1)
    weight = weights["dw", "weight"].view(4, 1, 3, 3)
    depthwise = conv2d(conv, weight, weights["dw", "bias"], padding=1, groups=4)
    pooled = (conv + depthwise).mean((2, 3), keepdim=True)

    runner = NcnnRunner(*pair(graph, tmp_path), device="cpu", threads=1, half=False)
    statistics = collect(graph, runner, images(4))
    assert statistics.images == 4 and list(statistics.channel_absmax) == ["conv", "dw", "fc"]
    for name, inputs in {"conv": batch, "dw": conv, "fc": pooled}.items():
        absmax, mean = inputs.abs().amax((0, 2, 3)).numpy(), inputs.mean((0, 2, 3)).numpy()
        np.testing.assert_allclose(statistics.channel_absmax[name], absmax, rtol=1e-5)
        np.testing.assert_allclose(statistics.channel_mean[name], mean, atol=1e-5)
        assert statistics.absmax(name) == pytest.approx(float(absmax.max()), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "shape", "axes"),
    [
        ("Convolution", (3, 5, 4), (1, 2)),
        ("InnerProduct", (3,), ()),
        ("InnerProduct", (5, 3), (0,)),
        ("InnerProduct", (3, 2, 2), (1, 2)),
    ],
)
def test_channels_are_where_ncnn_keeps_them(kind, shape, axes):
    graph = chain(kind, SIZES[kind])
    shown = images(3, shape)
    statistics = collect(graph, Shown(), shown)
    absmax = np.max([np.abs(image).max(axis=axes) for _, image in shown], axis=0)
    mean = np.mean([image.mean(axis=axes) for _, image in shown], axis=0)
    assert absmax.shape == mean.shape == (3,)
    np.testing.assert_array_equal(statistics.channel_absmax["x"], absmax)
    np.testing.assert_allclose(statistics.channel_mean["x"], mean, atol=1e-6)


def test_a_blob_is_followed_through_splits_to_its_source():
    splits = layer("Split", "a", "in0", "1 2", {}), layer("Split", "b", "2", "3 4", {})
    readers = [layer("Convolution", blob, blob, f"out{blob}", {0: 2, 1: 1, 6: 6}) for blob in "134"]
    graph = Graph((layer("Input", "in0", "", "in0", {}), *splits, *readers))
    assert [source_blob(graph, blob) for blob in ("4", "1", "in0", "out1")] == ["in0", "in0", "in0", "out1"]
    runner = Shown()
    statistics = collect(graph, runner, images(2))
    assert runner.asked == [["in0"]] * 2, "read once, whatever the number of readers"
    assert list(statistics.channel_absmax) == ["1", "3", "4"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_names_layer_and_image(value):
    shown = images(3)
    shown[1][1][2, 3, 3] = value
    with pytest.raises(ZooError, match=r"layer x: its input is NaN or infinite for the image 1\.png"):
        collect(chain("Convolution", SIZES["Convolution"]), Shown(), shown)


def test_an_empty_set_is_refused():
    with pytest.raises(ZooError, match="the calibration set is empty"):
        collect(small_network(), Shown(), [])


def test_a_model_without_weights_is_refused():
    with pytest.raises(ZooError, match="no layer that could be int8"):
        collect(chain("ReLU", {}), Shown(), images(1))


def test_statistics_come_back_from_their_file(tmp_path):
    absmax = {"a/b": np.float32([1, 2.5]), "weird name": np.float32([0])}
    saved = CalibrationStatistics(7, absmax, {name: -values for name, values in absmax.items()})
    saved.save(tmp_path / "calibration.npz")
    loaded = CalibrationStatistics.load(tmp_path / "calibration.npz")
    assert loaded.images == 7 and list(loaded.channel_absmax) == list(absmax)
    for name, values in absmax.items():
        assert loaded.channel_absmax[name].dtype == loaded.channel_mean[name].dtype == np.float32
        np.testing.assert_array_equal(loaded.channel_absmax[name], values)
        np.testing.assert_array_equal(loaded.channel_mean[name], -values)


@pytest.mark.parametrize("kind", ["cut", "other"])
def test_a_damaged_file_is_named(kind, tmp_path):
    path = tmp_path / "calibration.npz"
    CalibrationStatistics(1, {"a": np.float32([1])}, {"a": np.float32([0])}).save(path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        write_arrays({"logits": np.zeros(3)}, path)
    with pytest.raises(ZooError, match=r"calibration\.npz: .*delete it to have"):
        CalibrationStatistics.load(path)
