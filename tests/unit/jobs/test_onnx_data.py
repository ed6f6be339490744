"""The files of an ONNX file's weights, as its bytes name them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from zoo.jobs.onnx_data import data_beside


def saved(path: Path, **keywords) -> Path:
    weights = [numpy_helper.from_array(np.ones((2, 2), np.float32), name) for name in ("w", "v")]
    graph = helper.make_graph([helper.make_node("Gemm", ["w", "v"], ["y"])], "g", [], [], weights)
    onnx.save(helper.make_model(graph), path, size_threshold=0, **keywords)
    return path


@pytest.mark.parametrize("name", ["m.onnx.data", "w" * 200])
def test_one_file_for_all_weights(tmp_path: Path, name: str):
    model = saved(tmp_path / "m.onnx", save_as_external_data=True, location=name)
    assert data_beside(model) == [tmp_path / name]
    (tmp_path / name).unlink()
    assert data_beside(model) == [tmp_path / name]


def test_a_file_for_each_weight(tmp_path: Path):
    model = saved(tmp_path / "m.onnx", save_as_external_data=True, all_tensors_to_one_file=False)
    assert data_beside(model) == [tmp_path / "v", tmp_path / "w"]


def test_what_has_none(tmp_path: Path):
    assert data_beside(saved(tmp_path / "m.onnx")) == []
    (tmp_path / "empty.onnx").touch()
    for name in ("gone.onnx", "empty.onnx", "m.param"):
        assert data_beside(tmp_path / name) == []
