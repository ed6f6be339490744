"""What an output can be, from the end of its graph."""

import numpy as np
import onnx
import pytest

from samples.onnx import chain
from zoo.runners.output_bounds import output_bounds


@pytest.mark.parametrize(
    ("last", "bounds"),
    [("Sigmoid", (1.0, 1.0)), ("Softmax", (1.0, None)), ("Relu", (None, None)), ("Flatten", (None, None))],
)
def test_of_an_onnx_file(tmp_path, last, bounds):
    onnx.save(chain(("Conv", np.ones((2, 3, 1, 1))), (last, None)), tmp_path / "m.onnx")
    assert output_bounds([tmp_path / "m.onnx"]) == bounds[:1]
    assert output_bounds([tmp_path / "m.onnx"], shares=False) == bounds[1:]


def test_through_what_hands_values_on(tmp_path):
    onnx.save(chain(("Sigmoid", None), ("Transpose", None), ("Flatten", None)), tmp_path / "m.onnx")
    assert output_bounds([tmp_path / "m.onnx"]) == (1.0,)


def test_of_an_ncnn_pair(tmp_path):
    lines = ["7767517", "4 4", "Input a 0 1 in0", "Sigmoid b 1 1 in0 1", "Reshape c 1 1 1 out0 0=4"]
    (tmp_path / "m.param").write_text("\n".join([*lines, "ReLU d 1 1 in0 out1"]) + "\n")
    assert output_bounds([tmp_path / "m.param", tmp_path / "m.bin"]) == (1.0, None)
