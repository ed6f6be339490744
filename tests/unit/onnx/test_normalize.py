"""The normal form of an ONNX model."""

import numpy as np
from onnx import helper, numpy_helper

from samples.sources import (
    CONV,
    KERNEL,
    build,
    onnx_model,
    passed,
)


def test_an_onnx_file_of_a_new_opset_is_read_through_an_older_one(tmp_path):
    """pnnx drops the axes of such a reduction without a word."""
    axes = numpy_helper.from_array(np.int64([1]), "axes")
    mean = helper.make_node("ReduceMean", ["c", "axes"], ["y"], keepdims=1)
    passed(
        build(
            onnx_model([CONV, mean], tmp_path / "new.onnx", weights=[KERNEL, axes], opset=18),
            tmp_path / "out",
        )
    )
