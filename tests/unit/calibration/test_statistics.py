"""Calibration statistics: what they hold, that shares merge to the whole, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samples.artifacts import TWO, pair, photos
from samples.ncnn import fed, layer, normal, small_network, two_headed
from zoo.calibration import collect as collection
from zoo.calibration.collect import collect, collect_parallel, pixels_for
from zoo.calibration.columns import PIXEL
from zoo.calibration.statistics import CalibrationStatistics, half, merge
from zoo.errors import ZooError
from zoo.images.decode import load, read_inputs
from zoo.images.inputs import Feed
from zoo.images.preprocess import Preprocess
from zoo.images.sets import ImageSet, samples
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


def images(count: int, seed: int = 0) -> list[tuple[str, np.ndarray]]:
    draw = normal(seed)
    return [(f"image {index}", draw(192).reshape(3, 8, 8)) for index in range(count)]


def blobs(runner: NcnnRunner, name: str, pictures: list[tuple[str, np.ndarray]]) -> np.ndarray:
    return np.stack([np.array(next(iter(runner.blobs((image,), [name])))[1]) for _, image in pictures])


def assert_equal(first: CalibrationStatistics, second: CalibrationStatistics) -> None:
    """Exactly, but for sums of floating-point numbers."""
    assert (first.images, first.fingerprint, first.pixels) == (
        second.images,
        second.fingerprint,
        second.pixels,
    )
    assert list(first.inputs) == list(second.inputs) and list(first.columns) == list(second.columns)
    for name, one in first.inputs.items():
        other = second.inputs[name]
        np.testing.assert_array_equal(one.absmax, other.absmax)
        np.testing.assert_array_equal(one.halves, other.halves)
        for part in ("mean", "peak_mean", "peak_square"):
            np.testing.assert_allclose(getattr(one, part), getattr(other, part), rtol=1e-12, atol=1e-14)
        for kind in ("blob", "channels"):
            for part in ("top", "counts", "below", "zeros"):
                np.testing.assert_array_equal(
                    getattr(getattr(one, kind), part), getattr(getattr(other, kind), part)
                )
    for name, mine in first.columns.items():
        theirs = second.columns[name]
        assert mine.count == theirs.count
        np.testing.assert_allclose(mine.total, theirs.total, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(mine.second_moment, theirs.second_moment, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(mine.priority, theirs.priority)
        np.testing.assert_array_equal(mine.sample, theirs.sample)


def test_statistics_are_those_of_the_blobs(runner):
    pictures = images(5)
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


@pytest.mark.parametrize("pixels", [5, 64])
def test_shares_merge_to_the_whole(runner, pixels, monkeypatch):
    monkeypatch.setattr(collection, "_BATCH", 50)
    graph, pictures = small_network(), images(30)
    whole = collect(graph, runner, fed(pictures), pixels)
    one, two, three = (
        collect(graph, runner, fed(part), pixels) for part in (pictures[:4], pictures[4:17], pictures[17:])
    )
    assert_equal(whole, merge(merge(one, two), three))
    assert_equal(whole, merge(three, merge(two, one)))
    assert_equal(whole, collect(graph, runner, fed(pictures[::-1]), pixels))
    assert whole.columns["conv"].sample.shape == (min(512, 30 * min(pixels, 64)), 27)


def test_a_sample_is_fair_and_its_size_bounded(runner):
    pictures = images(300)
    statistics = collect(small_network(), runner, fed(pictures), pixels=8)
    sampled = statistics.columns["conv"]
    assert sampled.count == 2400 and len(sampled.sample) == 512
    assert np.abs(sampled.sample[:, 13].mean()) < 0.2, "the middle tap is a pixel, with mean 0"
    assert sampled.sample[:, 13].std() == pytest.approx(1, abs=0.1)


def test_layers_that_read_one_blob_share_its_statistics(runner, tmp_path):
    graph = Graph(
        (
            layer("Input", "in0", "", "in0"),
            layer("Split", "split", "in0", "a b"),
            layer("Convolution", "one", "a", "c", num_output=4, kernel_w=1, weight_data_size=12),
            layer("Convolution", "two", "b", "d", num_output=4, kernel_w=3, pad_left=1, weight_data_size=108),
            layer("BinaryOp", "add", "c d", "out0", op_type=0),
        )
    )
    write_graph(graph, tmp_path / "split.param", tmp_path / "split.bin")
    runner = NcnnRunner(tmp_path / "split.param", tmp_path / "split.bin", "cpu", 1, precision="fp32")
    statistics = collect(graph, runner, fed(images(3)))
    statistics.save(tmp_path / "calibration.npz")
    for each in (statistics, CalibrationStatistics.load(tmp_path / "calibration.npz")):
        assert each.inputs["one"] is each.inputs["two"]
        assert each.columns["one"].sample.shape == (192, 3)
        assert each.columns["two"].sample.shape == (192, 27)


def test_a_file_holds_all_and_has_the_same_bytes_each_time(runner, tmp_path):
    statistics = collect(small_network(), runner, fed(images(3)))
    statistics.save(tmp_path / "a.npz")
    read = CalibrationStatistics.load(tmp_path / "a.npz")
    assert_equal(statistics, read)
    read.check(small_network())
    collect(small_network(), runner, fed(images(3))).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def pictures_on_disk(folder: Path, count: int) -> ImageSet:
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(count):
        Image.fromarray(random.integers(0, 256, (12, 10, 3), np.uint8)).save(folder / f"{index}.png")
    return ImageSet("made", folder)


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
    statistics = collect(small_network(), runner, fed(images(1)))
    table = table_of(small_network(), statistics, plain_recipe(small_network()))
    assert all(np.isfinite(list(table.activations.values())))


def test_an_image_of_zeros_gives_finite_scales(runner):
    statistics = collect(small_network(), runner, fed([("black", np.zeros((3, 8, 8), np.float32))]))
    assert table_of(small_network(), statistics, plain_recipe(small_network())).activations["conv"] == 1
    np.testing.assert_array_equal(statistics.inputs["conv"].channels.quantile(0.999), 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_input_that_is_not_finite_is_named_with_its_image(runner, value):
    pictures = images(3)
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
        collect(graph, runner, fed((name, image * 1e3) for name, image in images(1)))


def test_a_model_without_such_layers_is_refused(runner):
    graph = Graph(tuple(each for each in small_network().layers if not each.weights))
    with pytest.raises(ZooError, match="no layer that could be int8"):
        collect(graph, runner, fed(images(1)))


def test_statistics_of_other_weights_or_layers_are_refused(runner):
    statistics = collect(small_network(), runner, fed(images(1)))
    statistics.check(small_network())
    with pytest.raises(ZooError, match="collected with other weights"):
        statistics.check(small_network(seed=1))
    with pytest.raises(ZooError, match="another model: they lack layer dw"):
        replace(
            statistics, inputs={name: each for name, each in statistics.inputs.items() if name != "dw"}
        ).check(small_network())
    with pytest.raises(ZooError, match="another model: it has no layer strange"):
        replace(statistics, inputs={**statistics.inputs, "strange": statistics.inputs["fc"]}).check(
            small_network()
        )
    swapped = {**statistics.inputs, "conv": replace(statistics.inputs["conv"], absmax=np.ones(5, np.float32))}
    with pytest.raises(ZooError, match="another model: they have 5 input channels for layer conv"):
        replace(statistics, inputs=swapped).check(small_network())


def test_shares_of_different_models_do_not_merge(runner):
    statistics = collect(small_network(), runner, fed(images(2)))
    with pytest.raises(ZooError, match="cannot be merged: they are of different models"):
        merge(statistics, replace(statistics, fingerprint="other"))
    with pytest.raises(ZooError, match="different numbers of pixels"):
        merge(statistics, collect(small_network(), runner, fed(images(2)), pixels=5))


def test_a_file_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / "old.npz", meta=np.array('{"images": 1, "layers": []}'))
    with pytest.raises(ZooError, match=r"old\.npz: not calibration statistics"):
        CalibrationStatistics.load(tmp_path / "old.npz")


def test_many_images_give_fewer_pixels_each():
    assert pixels_for(0) == pixels_for(1) == pixels_for(100) == 64
    assert pixels_for(1000) == 9 and pixels_for(10**6) == 8


def test_what_is_sent_and_kept_is_bounded(runner):
    graph = small_network()
    chosen = collection.plan(graph, 8, 0)
    seen = collection.observe(chosen, runner, "x", (images(1)[0][1],))
    assert all(len(each.columns[PIXEL]) <= 8 for each in seen.blobs)
    few, many = (collect(graph, runner, fed(images(count)), 8) for count in (100, 200))
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
    chosen = collection.plan(two_headed(), 8, 0)
    image, vectors = images(1)[0][1], normal(3)(12).reshape(2, 6)
    seen = [collection.observe(chosen, runner, "x", (image, vector)) for vector in (*vectors, vectors[0])]
    assert (seen[0].priority == seen[2].priority).all() and (seen[0].priority != seen[1].priority).any()
