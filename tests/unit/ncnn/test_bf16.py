"""bf16 storage, compared with torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from samples.ncnn import chain, normal, run, small_network
from zoo.errors import ZooError
from zoo.measure.metrics import sqnr_db
from zoo.ncnn.bf16 import LIMIT, round_to_bf16, to_bf16
from zoo.ncnn.bin import Array, Storage, array
from zoo.ncnn.graph import read_graph, write_graph
from zoo.runners import open_runner


def test_rounding_is_torchs_but_for_ties():
    bits = np.random.default_rng(0).integers(0, 2**32, 100_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[(np.abs(values) < LIMIT) & (values.view(np.uint32) & 0xFFFF != 0x8000)]
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(round_to_bf16(values), expected)


def test_ties_go_away_from_zero_as_in_ncnn():
    ties = np.array([0x3F808000, 0x3F818000, 0xBF808000], np.uint32).view(np.float32)
    assert round_to_bf16(ties).tolist() == [0x3F81, 0x3F82, 0xBF81]


def test_the_numbers_are_the_upper_halves_of_fp32():
    stored = Array(np.array([0x3F80, 0xC049, 0x0001], np.uint16), Storage.BF16)
    np.testing.assert_array_equal(
        stored.floats(), np.array([0x3F800000, 0xC0490000, 0x00010000], np.uint32).view(np.float32)
    )
    assert stored.tobytes() == bytes.fromhex("838b3401") + bytes.fromhex("803f49c001000000")


@pytest.mark.parametrize("value", [LIMIT, -3.4e38, np.inf, np.nan])
def test_what_does_not_fit_names_the_layer(value):
    graph = chain("InnerProduct", num_output=1, weight_data_size=3)
    weights = {"weight": array(np.array([1, value, 2]), Storage.FP32)}
    with pytest.raises(ZooError, match=r"layer x \(InnerProduct\): weight holds .*, which bfloat16 cannot"):
        to_bf16(graph.replace(replace(graph["x"], weights=weights)))


def test_the_largest_number_that_fits_stays_finite():
    largest = np.nextafter(np.float32(LIMIT), np.float32(0))
    rounded = Array(round_to_bf16(np.array([largest], np.float32)), Storage.BF16)
    assert rounded.floats() == torch.finfo(torch.bfloat16).max


def test_ncnn_computes_with_the_rounded_weights(tmp_path):
    graph, image = chain("InnerProduct", num_output=4, weight_data_size=32), normal(1)(8)
    weight = torch.from_numpy(graph["x"].weights["weight"].values.reshape(4, 8)).bfloat16().float().numpy()
    np.testing.assert_allclose(run(to_bf16(graph), image, tmp_path), weight @ image, rtol=1e-5, atol=1e-5)


def files(graph, folder, name):
    pair = folder / f"{name}.param", folder / f"{name}.bin"
    write_graph(graph, *pair)
    return pair


def test_the_runtime_computes_bf16_files_in_bf16(tmp_path):
    pairs = {"fp32": files(small_network(), tmp_path, "fp32")}
    pairs["bf16"] = files(to_bf16(small_network()), tmp_path, "bf16")
    image = normal(2)(3 * 8 * 8).reshape(3, 8, 8)
    fp32, weights_only, everything = (
        open_runner("ncnn", pairs[name], precision=precision).run((image,))[0]
        for name, precision in (("fp32", "fp32"), ("bf16", "fp32"), ("bf16", "bf16"))
    )
    assert 25 < sqnr_db(fp32, weights_only) < 60
    assert 25 < sqnr_db(fp32, everything) < 60
    in_bf16 = everything.view(np.uint32) & 0xFFFF == 0
    assert in_bf16.all() and not (weights_only.view(np.uint32) & 0xFFFF == 0).all()
    assert pairs["bf16"][1].stat().st_size < pairs["fp32"][1].stat().st_size


def test_every_tagged_array_is_stored_so_and_read_back(tmp_path):
    graph = to_bf16(small_network())
    again = read_graph(*files(graph, tmp_path, "again"))
    for layer in graph.layers:
        for role, each in layer.weights.items():
            assert each.storage is (Storage.RAW if role == "bias" else Storage.BF16)
            np.testing.assert_array_equal(again[layer.name].weights[role].floats(), each.floats())
