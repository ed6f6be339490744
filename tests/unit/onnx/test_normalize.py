"""The normal form of an ONNX model."""

import numpy as np
import pytest
from onnx import helper, numpy_helper

from samples.sources import (
    CONV,
    KERNEL,
    build,
    onnx_model,
    passed,
)

pytestmark = pytest.mark.long(20)


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


def test_an_old_file_with_words_for_padding_goes_to_ncnn(tmp_path):
    """Upsample of opset 9 raised to 17 has a region, which pnnx does not know, nor SAME in onnx2torch."""
    scales = numpy_helper.from_array(np.float32([1, 1, 2, 2]), "scales")
    up = helper.make_node("Upsample", ["c", "scales"], ["u"], mode="nearest")
    pool = helper.make_node(
        "MaxPool", ["u"], ["y"], kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER"
    )
    model = onnx_model([CONV, up, pool], tmp_path / "old.onnx", weights=[KERNEL, scales], opset=9)
    passed(build(model, tmp_path / "out"))
