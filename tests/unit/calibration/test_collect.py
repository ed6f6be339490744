"""One pass over the calibration images: what it keeps, in one process or several, and what it refuses."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.artifacts import FEED, TWO, pair, photos
from samples.ncnn import fed, layer, normal, small_network, two_headed
from samples.statistics import assert_equal, noise_images
from zoo.calibration import collect as collection
from zoo.calibration.attention import with_projections
from zoo.calibration.collect import (
    collect,
    collect_parallel,
    fitting_processes,
    largest_magnitudes,
    pixels_for,
)
from zoo.calibration.columns import PIXEL
from zoo.calibration.statistics import half
from zoo.errors import ZooError
from zoo.images.decode import load, read_inputs
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.images.sets import ImageSet, samples
from zoo.jobs.isolation import ChildDied
from zoo.ncnn.bin import Storage, array
from zoo.ncnn.graph import Graph, write_graph
from zoo.ncnn.pair import Pair
from zoo.quantize.apply import table_of
from zoo.runners.ncnn_runner import NcnnRunner
from zoo.search.planning import plain_recipe


@pytest.fixture
def runner(tmp_path: Path) -> NcnnRunner:
    write_graph(small_network(), tmp_path / "fp32.param", tmp_path / "fp32.bin")
    return NcnnRunner(tmp_path / "fp32.param", tmp_path / "fp32.bin", "cpu", 1, precision="fp32")


def blobs(runner: NcnnRunner, name: str, pictures: list[tuple[str, np.ndarray]]) -> np.ndarray:
    return np.stack([np.array(next(iter(runner.blobs((image,), [name])))[1]) for _, image in pictures])


def pictures_on_disk(folder: Path, count: int) -> ImageSet:
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(count):
        Image.fromarray(random.integers(0, 256, (12, 10, 3), np.uint8)).save(folder / f"{index}.png")
    return ImageSet("made", folder)


def test_statistics_are_those_of_the_blobs(runner):
    pictures = noise_images(5)
    statistics = collect(small_network(), runner, fed(pictures))
    assert statistics.images == 5
    for name, blob in (("conv", "in0"), ("dw", "1")):
        values = blobs(runner, blob, pictures)
        seen = statistics.inputs[name]
        peaks = np.abs(values).max(axis=(2, 3))
        np.testing.assert_array_equal(seen.absmax, peaks.max(axis=0))
        of_half = np.array([half(name) for name, _ in pictures])
        np.testing.assert_array_equal(seen.halves[1], peaks[of_half == 1].max(axis=0, initial=0))
        assert 0 < of_half.sum() < 5 and (seen.halves.max(axis=0) == seen.absmax).all()
        np.testing.assert_allclose(seen.mean, values.mean(axis=(0, 2, 3)), atol=1e-6)
        np.testing.assert_allclose(seen.peak_mean, peaks.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(seen.peak_square, (peaks.astype(float) ** 2).mean(axis=0), rtol=1e-6)
        assert seen.blob.total == values.size, "8 x 8 pixels are sampled whole"
        np.testing.assert_allclose(
            seen.channels.quantile(0.99), np.percentile(np.abs(values), 99, axis=(0, 2, 3)), rtol=0.07
        )
        assert (seen.channels.quantile(1.0) >= seen.absmax).all(), "a bin may reach beyond the largest value"
    flat = statistics.columns["fc"]
    pooled = blobs(runner, "6", pictures)
    np.testing.assert_allclose(flat.mean, pooled.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(flat.second_moment, pooled.T @ pooled / 5, rtol=1e-5)
    assert statistics.columns["conv"].sample.shape == (5 * 64, 27)
    assert "dw" not in statistics.columns
    assert statistics.absmax("fc") == np.abs(pooled).max()


def test_a_sample_is_fair_and_its_size_bounded(runner):
    pictures = noise_images(300)
    statistics = collect(small_network(), runner, fed(pictures), pixels=8)
    sampled = statistics.columns["conv"]
    assert sampled.count == 2400 and len(sampled.sample) == 512
    assert np.abs(sampled.sample[:, 13].mean()) < 0.2, "the middle tap is a pixel, with mean 0"
    assert sampled.sample[:, 13].std() == pytest.approx(1, abs=0.1)


def test_processes_give_what_one_gives(runner, tmp_path):
    files = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    chosen = samples(pictures_on_disk(tmp_path / "images", 13))
    feed = Feed.image(Preprocess(size=(8, 8)))
    many = collect_parallel(Pair(small_network(), *files), chosen, feed, processes=2)
    inputs = ((sample.name, read_inputs(sample, feed)) for sample in chosen)
    assert_equal(many, collect(small_network(), runner, inputs, pixels_for(13)))
    many.save(tmp_path / "two.npz")
    collect_parallel(Pair(small_network(), *files), chosen, feed, processes=1).save(tmp_path / "one.npz")
    assert (tmp_path / "two.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()


def test_what_attention_hands_its_last_projection_is_seen(tmp_path):
    """Of rows of an image of one channel, 8 pixels wide."""
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Reshape", "rows", "in0", "1", w=8, h=-1),
            layer("MultiHeadAttention", "x", "1", "out0", embed_dim=8, num_heads=2, weight_data_size=64),
        )
    )
    files = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    write_graph(graph, *files)
    chosen = samples(pictures_on_disk(tmp_path / "images", 5))
    feed = Feed.image(Preprocess(size=(8, 8)))
    found = collect_parallel(Pair(graph, *files), chosen, feed, processes=1)
    found.check(graph)
    plain = NcnnRunner(*files, "cpu", 1, precision="fp32")
    inputs = [(sample.name, read_inputs(sample, feed)) for sample in chosen]
    own = collect(graph, plain, inputs, pixels_for(5))
    assert list(found.inputs) == list(own.inputs) == ["x"] and set(found.columns) == {"x", "x/out"}
    write_graph(with_projections(graph), tmp_path / "o.param", tmp_path / "o.bin")
    opened = NcnnRunner(tmp_path / "o.param", tmp_path / "o.bin", "cpu", 1, precision="fp32")
    read = np.concatenate([np.array(next(iter(opened.blobs(each, ["x/out"])))[1]) for _, each in inputs])
    np.testing.assert_allclose(found.columns["x/out"].mean, read.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.moments("x/out"), read.T @ read / len(read), rtol=1e-4, atol=1e-4)
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".partial")]


def test_an_image_that_cannot_be_read_is_named(runner, tmp_path):
    files = tmp_path / "fp32.param", tmp_path / "fp32.bin"
    found = pictures_on_disk(tmp_path / "images", 3)
    (tmp_path / "images" / "1.png").write_bytes(b"no image")
    with pytest.raises(ZooError, match=r"1\.png: cannot be read as an image"):
        collect_parallel(
            Pair(small_network(), *files), samples(found), Feed.image(Preprocess(size=(8, 8))), processes=2
        )


def test_an_empty_set_is_refused(runner, tmp_path):
    with pytest.raises(ZooError, match="the calibration set is empty"):
        collect(small_network(), runner, [])
    with pytest.raises(ZooError, match="the calibration set is empty"):
        files = tmp_path / "fp32.param", tmp_path / "fp32.bin"
        collect_parallel(Pair(small_network(), *files), [], Feed.image(Preprocess(size=(8, 8))), processes=2)


def test_one_image_is_enough_for_finite_scales(runner):
    statistics = collect(small_network(), runner, fed(noise_images(1)))
    table = table_of(small_network(), statistics, plain_recipe(small_network()))
    assert all(np.isfinite(list(table.activations.values())))


def test_an_image_of_zeros_gives_finite_scales(runner):
    statistics = collect(small_network(), runner, fed([("black", np.zeros((3, 8, 8), np.float32))]))
    assert table_of(small_network(), statistics, plain_recipe(small_network())).activations["conv"] == 1
    np.testing.assert_array_equal(statistics.inputs["conv"].channels.quantile(0.999), 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_named_with_its_image(runner, value):
    pictures = noise_images(3)
    pictures[1][1][0, 2, 3] = value
    with pytest.raises(ZooError, match="layer conv: its input is NaN or infinite for the image image 1"):
        collect(small_network(), runner, fed(pictures))


def test_activations_that_overflow_are_named_with_their_layer(tmp_path):
    graph = small_network()
    weights = graph["conv"].weights
    large = replace(
        graph["conv"],
        params={**graph["conv"].params, 9: 0},
        weights={**weights, "weight": array(weights["weight"].values * 1e38, Storage.FP32)},
    )
    graph = graph.replace(large)
    write_graph(graph, tmp_path / "x.param", tmp_path / "x.bin")
    runner = NcnnRunner(tmp_path / "x.param", tmp_path / "x.bin", "cpu", 1, precision="fp32")
    with pytest.raises(ZooError, match="layer dw: its input is NaN or infinite for the image image 0"):
        collect(graph, runner, fed((name, image * 1e3) for name, image in noise_images(1)))


def test_a_model_without_such_layers_is_refused(runner):
    graph = Graph(tuple(each for each in small_network().layers if not each.weights))
    with pytest.raises(ZooError, match="no layer that could be int8"):
        collect(graph, runner, fed(noise_images(1)))


def test_many_images_give_fewer_pixels_each():
    assert pixels_for(0) == pixels_for(1) == pixels_for(100) == 64
    assert pixels_for(1000) == 9 and pixels_for(10**6) == 8


def test_what_is_sent_and_kept_is_bounded(runner):
    graph = small_network()
    chosen = collection.sampling_plan(graph, 8, 0)
    seen = collection.observe(chosen, runner, "x", (noise_images(1)[0][1],))
    assert all(len(each.columns[PIXEL]) <= 8 for each in seen.blobs)
    few, many = (collect(graph, runner, fed(noise_images(count)), 8) for count in (100, 200))
    for name, each in few.inputs.items():
        assert each.channels.counts.shape == many.inputs[name].channels.counts.shape
    assert few.columns["conv"].sample.shape == many.columns["conv"].sample.shape


def test_all_inputs_of_a_model_are_calibrated_on(tmp_path):
    files, chosen = pair(two_headed(), tmp_path), photos(tmp_path, 9)
    statistics = collect_parallel(Pair(two_headed(), *files), chosen, TWO, processes=2)
    given = {sample.name: inputs for sample, inputs in load(chosen, TWO)}
    for layer_name, place in (("conv", 0), ("side", 1)):
        values = np.stack([inputs[place] for inputs in given.values()])
        peaks = np.abs(values).max(axis=(0, 2, 3) if values.ndim == 4 else 0)
        np.testing.assert_array_equal(statistics.inputs[layer_name].absmax, peaks)
    runner = NcnnRunner(*files, "cpu", 1, precision="fp32")
    assert_equal(statistics, collect(two_headed(), runner, given.items(), pixels_for(9)))


def test_which_pixels_are_sampled_depends_on_every_input(tmp_path):
    runner = NcnnRunner(*pair(two_headed(), tmp_path), "cpu", 1, precision="fp32")
    chosen = collection.sampling_plan(two_headed(), 8, 0)
    image, vectors = noise_images(1)[0][1], normal(3)(12).reshape(2, 6)
    seen = [collection.observe(chosen, runner, "x", (image, vector)) for vector in (*vectors, vectors[0])]
    assert (seen[0].priority == seen[2].priority).all() and (seen[0].priority != seen[1].priority).any()


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_child_that_dies_is_named_with_its_images(tmp_path, monkeypatch):
    monkeypatch.setattr(collection, "_observe_in_child", die)
    fp32 = Pair(small_network(), *pair(small_network(), tmp_path))
    with pytest.raises(ChildDied, match=r"fp32\.param, calibration images 1 to 4: the runtime was killed"):
        collect_parallel(fp32, photos(tmp_path, 6), FEED, processes=2)


def test_as_many_processes_as_the_memory_of_the_job_holds(tmp_path):
    param, weights = pair(small_network(), tmp_path)
    fp32 = Pair(small_network(), param, weights)
    assert [fitting_processes(fp32, 8, memory) for memory in (100, 900, 1100, 1e6)] == [1, 2, 3, 8]
    with weights.open("r+b") as handle:
        handle.truncate(100 << 20)
    assert fitting_processes(fp32, 8, memory_mb=400 + 160 + 2 * (200 + 150)) == 1, "the .param counts too"
    assert fitting_processes(fp32, 8, memory_mb=401 + 160 + 2 * (200 + 150)) == 2


def test_magnitudes_are_those_of_floats():
    rows = np.random.default_rng(0).standard_normal((6, 40), np.float32)
    rows[0], rows[1], rows[2], rows[3, 5] = -np.abs(rows[0]), np.abs(rows[1]), -0.0, -np.inf
    np.testing.assert_array_equal(largest_magnitudes(rows), np.abs(rows).max(axis=1))
    assert not np.signbit(largest_magnitudes(rows)).any()
    transposed = np.ascontiguousarray(rows.T).T
    np.testing.assert_array_equal(largest_magnitudes(transposed), np.abs(rows).max(axis=1))
    for nan in (np.nan, -np.nan):
        rows[4, 7] = nan
        assert np.isnan(largest_magnitudes(rows)).tolist() == [False] * 4 + [True, False]
