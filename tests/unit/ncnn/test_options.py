"""ncnn's options for each precision."""

import ncnn
import pytest

from zoo.ncnn.options import options


@pytest.mark.parametrize(
    ("precision", "on"),
    [
        ("fp32", set()),
        ("bf16", {"use_bf16_packed", "use_bf16_storage"}),
        ("fp16", {"use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"}),
        ("w8", {"use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"}),
        ("int8", {"use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"}),
    ],
)
def test_what_is_on(precision, on):
    assert {name for name, value in options(precision).items() if value} == on


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_ncnn_has_every_option(precision):
    usual = ncnn.Option()
    assert all(isinstance(getattr(usual, name), bool) for name in options(precision))


def test_int8_is_computed_as_ncnn_does_by_default():
    usual = ncnn.Option()
    assert {name: getattr(usual, name) for name in options("int8")} == options("int8")
