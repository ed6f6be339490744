"""Images as onnxruntime's tools take them, and the ranges of a model's tensors."""

import numpy as np
import onnx
import pytest

import zoo.onnx.calibration
from samples.artifacts import FEED, TWO, photos
from samples.onnx import SHAPE, chain, noise
from zoo.errors import ZooError
from zoo.images.decode import read_inputs
from zoo.onnx.calibration import Reader, feeds, load_model, peaks, with_node_names


def test_peaks_are_those_of_every_tensor():
    model = chain(("Mul", -3.0), ("Relu", None))
    feeds = noise(model, 3)
    values = np.stack([feed["data"] for feed in feeds])
    assert values.shape == (3, *SHAPE)
    expected = {
        "data": np.abs(values).max(),
        "value_0": np.abs(3 * values).max(),
        "output": (-3 * values).max(),
    }
    assert peaks(model, feeds) == pytest.approx(expected)


def test_every_node_gets_a_name_of_its_own_and_keeps_one_that_it_has():
    model = chain(("Relu", None), ("Relu", None), ("Relu", None), ("Relu", None))
    for node, name in zip(model.graph.node, ("first", "", "first", "last"), strict=True):
        node.name = name
    named = with_node_names(model)
    assert [node.name for node in named.graph.node] == ["first", "Relu_1", "first_2", "last"]
    assert [node.name for node in model.graph.node] == ["first", "", "first", "last"], "a copy"


def test_samples_are_fed_by_the_names_of_the_models_inputs(tmp_path):
    model, samples = chain(("Relu", None)), photos(tmp_path)
    found = list(feeds(model, samples, FEED, threads=1))
    assert [list(each) for each in found] == [["data"]] * 3
    for each, sample in zip(found, samples, strict=True):
        np.testing.assert_array_equal(each["data"], read_inputs(sample, FEED)[0][None])
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, (1, 6)))
    assert {name: each.shape for name, each in next(feeds(model, samples, TWO, 1)).items()} == {
        "data": (1, 3, 8, 8),
        "more": (1, 6),
    }


def test_a_model_beyond_what_a_protobuf_message_holds_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "fp32.onnx"
    onnx.save(chain(("Mul", 3.0)), path)
    assert load_model(path).graph.node[0].op_type == "Mul"
    monkeypatch.setattr(zoo.onnx.calibration, "PROTOBUF_LIMIT", 10)
    with pytest.raises(ZooError, match=r"fp32\.onnx holds 0\.0 GB, .* take less than 2: use ncnn"):
        load_model(path)


def test_a_reader_hands_out_ranges_in_order():
    reader = Reader(({"data": np.full(1, index)} for index in range(5)), 5)
    assert len(reader) == 5
    found = []
    for start, end in ((0, 2), (2, 3), (3, 5)):
        reader.set_range(start, end)
        found.append([int(feed["data"][0]) for feed in reader])
    assert found == [[0, 1], [2], [3, 4]]
