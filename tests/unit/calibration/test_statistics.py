"""Calibration statistics: that shares merge to the whole, their file, and what they refuse."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samples.ncnn import fed, layer, normal, small_network
from samples.statistics import assert_equal, noise_images, statistics_of
from zoo.calibration import collect as collection
from zoo.calibration.collect import PRODUCTS_LIMIT, collect, column_statistics
from zoo.calibration.statistics import (
    CalibrationStatistics,
    ColumnStatistics,
    half,
    merge,
    merge_columns,
    sample_columns,
)
from zoo.errors import ZooError
from zoo.jobs.arrays import read_arrays, write_arrays
from zoo.ncnn.graph import Graph, write_graph
from zoo.runners.ncnn_runner import NcnnRunner


@pytest.fixture
def runner(tmp_path: Path) -> NcnnRunner:
    write_graph(small_network(), tmp_path / "fp32.param", tmp_path / "fp32.bin")
    return NcnnRunner(tmp_path / "fp32.param", tmp_path / "fp32.bin", "cpu", 1, precision="fp32")


@pytest.mark.parametrize("pixels", [5, 64])
def test_shares_merge_to_the_whole(runner, pixels, monkeypatch):
    monkeypatch.setattr(collection, "_BATCH", 50)
    monkeypatch.setattr(collection, "_NARROW_BATCH", 50)
    graph, pictures = small_network(), noise_images(30)
    whole = collect(graph, runner, fed(pictures), pixels)
    one, two, three = (
        collect(graph, runner, fed(part), pixels) for part in (pictures[:4], pictures[4:17], pictures[17:])
    )
    assert_equal(whole, merge(merge(one, two), three))
    assert_equal(whole, merge(three, merge(two, one)))
    assert_equal(whole, collect(graph, runner, fed(pictures[::-1]), pixels))
    assert whole.columns["conv"].sample.shape == (min(512, 30 * min(pixels, 64)), 27)


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
    statistics = collect(graph, runner, fed(noise_images(3)))
    statistics.save(tmp_path / "calibration.npz")
    for each in (statistics, CalibrationStatistics.load(tmp_path / "calibration.npz")):
        assert each.inputs["one"] is each.inputs["two"]
        assert each.columns["one"].sample.shape == (192, 3)
        assert each.columns["two"].sample.shape == (192, 27)


def test_a_file_holds_all_and_has_the_same_bytes_each_time(runner, tmp_path):
    statistics = collect(small_network(), runner, fed(noise_images(3)))
    statistics.save(tmp_path / "a.npz")
    read = CalibrationStatistics.load(tmp_path / "a.npz")
    assert_equal(statistics, read)
    read.check(small_network())
    collect(small_network(), runner, fed(noise_images(3))).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_statistics_of_other_weights_or_layers_are_refused(runner):
    statistics = collect(small_network(), runner, fed(noise_images(1)))
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
    statistics = collect(small_network(), runner, fed(noise_images(2)))
    with pytest.raises(ZooError, match="cannot be merged: they are of different models"):
        merge(statistics, replace(statistics, fingerprint="other"))
    with pytest.raises(ZooError, match="different numbers of pixels"):
        merge(statistics, collect(small_network(), runner, fed(noise_images(2)), pixels=5))


def test_a_file_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / "old.npz", meta=np.array('{"images": 1, "layers": []}'))
    with pytest.raises(ZooError, match=r"old\.npz: not calibration statistics"):
        CalibrationStatistics.load(tmp_path / "old.npz")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("input0/absmax", np.zeros(0, np.float32)),
        ("input0/absmax", np.array(["text"] * 3)),
        ("input0/mean", np.zeros(5)),
        ("input0/blob/counts", np.zeros((1, 3), np.uint32)),
        ("input0/channels/top", np.zeros(4, np.uint32)),
        ("columns0/total", np.zeros(100_000)),  # whose products would take 40 GB
        ("columns0/sample", np.zeros((2, 2), np.float32)),
        ("columns0/count", np.array(np.inf)),
        ("meta", np.array("[" * 100_000)),
        ("meta", np.array("{}")),
    ],
)
def test_statistics_whose_arrays_do_not_fit_are_refused(name, changed, tmp_path):
    path = tmp_path / "calibration.npz"
    statistics_of({"conv": normal()(120).reshape(40, 3)}).save(path)
    arrays = read_arrays(path)
    assert name in arrays and CalibrationStatistics.load(path).images == 1
    write_arrays(arrays | {name: changed}, path)
    with pytest.raises(ZooError, match=r"calibration\.npz: not calibration statistics"):
        CalibrationStatistics.load(path)


@pytest.mark.parametrize("width", [1, 27, 1024, 3000, 100_000])
def test_a_sample_of_wide_columns_has_fewer_of_them(width):
    assert sample_columns(width) == min(512, max(64, (1 << 19) // width))


def columns_of(count: int, seed: int, width: int = 5) -> ColumnStatistics:
    priority = np.random.default_rng(seed).integers(1 << 63, size=count, dtype=np.uint64)
    return column_statistics(normal(seed)(count * width).reshape(count, width), priority)


def test_merged_columns_keep_those_of_the_lowest_priority():
    first, second = columns_of(400, 1), columns_of(300, 2)
    merged = merge_columns(first, second)
    assert merged.count == 700 and len(merged.sample) == 512
    every = np.sort(np.concatenate([first.priority, second.priority]))
    np.testing.assert_array_equal(merged.priority, every[:512])
    np.testing.assert_allclose(merged.mean, (first.total + second.total) / 700, rtol=1e-5)
    np.testing.assert_allclose(
        merged.second_moment, (first.products + second.products) / 700, rtol=1e-5, atol=1e-6
    )


def test_columns_too_wide_for_products_have_no_second_moment():
    wide = columns_of(3, 1, width=PRODUCTS_LIMIT + 1)
    assert wide.products is None and wide.second_moment is None
    merged = merge_columns(wide, columns_of(2, 2, width=PRODUCTS_LIMIT + 1))
    assert merged.second_moment is None and merged.count == 5


def test_halves_of_the_images_are_by_name_and_about_even():
    names = [f"photo {index}" for index in range(400)]
    assert {half(name) for name in names} == {0, 1}
    assert 150 < sum(map(half, names)) < 250
    assert half("photo 7") == half("photo 7")


def test_an_inner_product_reads_rows_if_an_image_gives_it_several():
    inner = layer("InnerProduct", "x", "a", "b", num_output=4, weight_data_size=12)
    vector, rows = (statistics_of({"x": normal(1)(count * 3).reshape(count, 3)}) for count in (1, 7))
    assert rows.on_rows(inner) and not vector.on_rows(inner)
    gemm = layer("Gemm", "x", "a", "b", trans_b=1, constant_b=1, constant_n=4, constant_k=3)
    assert vector.on_rows(gemm)


def test_the_absmax_of_a_layer_is_that_of_its_largest_channel():
    columns = np.array([[1, -7], [3, 2]], np.float32)
    assert statistics_of({"x": columns}).absmax("x") == 7
