"""Models of the user's own code."""

import numpy as np
import onnx
import pytest
import torch

from samples.nets import two_views
from samples.sources import build, passed

pytestmark = pytest.mark.long(15)


def test_an_entry_point_with_arguments_a_checkpoint_and_several_inputs_and_outputs(tmp_path):
    torch.manual_seed(3)
    model = two_views(width=4)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "checkpoint.pth")
    inputs = [
        {"shape": [3, 24, 40]},
        {"name": "mask", "shape": [1, 12, 20], "values": "normal"},
        {"shape": [5], "values": 0.5},
    ]
    entry = {"module": "samples.nets:two_views", "args": {"width": 4}, "inputs": inputs}
    built = build(entry | {"weights": {"file": str(tmp_path / "checkpoint.pth")}}, tmp_path / "out")
    passed(built)
    assert built.card.task == "other"
    assert [each.name for each in built.card.inputs] == ["in0", "mask", "in2"]
    assert [each.name for each in built.card.outputs] == ["heatmap", "box.0", "box.1"]
    for report in built.reports.values():
        assert [each["shape"] for each in report["numbers"]["outputs"]] == [[2, 12, 20], [6], [1]]
    session = onnx.load(tmp_path / "out/fp32.onnx").graph
    assert [each.name for each in session.input] == ["in0", "mask", "in2"]
    assert [each.name for each in session.output] == ["heatmap", "box.0", "box.1"]


def test_a_model_of_other_channels_takes_arrays(tmp_path):
    generator = np.random.default_rng(1)
    (tmp_path / "samples").mkdir()
    for index in range(3):
        np.savez(tmp_path / f"samples/{index}.npz", in0=generator.standard_normal((6, 16, 24), np.float32))
    entry = {
        "module": "samples.nets:fully",
        "args": {"channels": 6},
        "inputs": [{"shape": [6, 16, 24], "values": "file"}],
    }
    built = build(entry, tmp_path / "out", tmp_path / "samples")
    passed(built)
    assert built.card.input == (6, 16, 24) and built.card.source["kind"] == "entry point"


def test_a_dynamic_shape_is_verified_at_both_sizes(tmp_path):
    entry = {"module": "samples.nets:fully", "preprocess": {"size": [32, 48]}, "second_size": [64, 40]}
    built = build(entry, tmp_path)
    passed(built)
    for report in built.reports.values():
        assert report["numbers"]["second"]["shapes"] == [[3, 64, 40]]
        assert report["numbers"]["second"]["cosine"]["min"] > 0.99999
    (given,) = onnx.load(tmp_path / "fp32.onnx").graph.input
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim] == [1, 3, 0, 0]
