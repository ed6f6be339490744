"""ncnn's options for each precision."""

import ncnn
import pytest

from zoo.errors import ZooError
from zoo.ncnn.options import KERNELS, SWITCHES, Options, choices, options


@pytest.mark.parametrize(
    ("precision", "on"),
    [
        ("fp32", set()),
        ("bf16", {"use_bf16_packed", "use_bf16_storage"}),
        ("fp16", {"use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"}),
        ("w8", {"use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"}),
        ("w4", {"use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"}),
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


def test_every_switch_is_a_field_of_ncnn_and_one_of_its_kernels_is_on_by_itself():
    usual = ncnn.Option()
    assert all(isinstance(getattr(usual, name), bool) for name in SWITCHES)
    assert all(getattr(usual, name) for name in KERNELS)


def test_switches_lie_over_those_of_the_precision():
    assert options("fp32", {"use_bf16_storage": True, "use_sgemm_convolution": False}) == {
        **options("fp32"),
        "use_bf16_storage": True,
        "use_sgemm_convolution": False,
    }


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"use_warp": True}, "unknown use_warp; it takes use_winograd_convolution, "),
        ({"use_sgemm_convolution": 1}, "use_sgemm_convolution is true or false, not 1"),
        ({"threads": 0}, "threads are 1 to 1024, not 0"),
    ],
)
def test_options_that_ncnn_does_not_have_are_refused(values, fault):
    with pytest.raises(ZooError, match=fault):
        Options.of(values)


def test_options_are_told_in_words_and_read_again():
    some = Options.of({"use_sgemm_convolution": False, "use_bf16_storage": True, "threads": 2})
    assert str(some) == "use_sgemm_convolution off, use_bf16_storage on, 2 threads"
    assert Options.of(some.to_dict()) == some and some
    assert str(Options()) == "as ncnn has them" and not Options()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_how_floats_are_stored_and_computed_is_no_choice_where_the_precision_says_it(precision):
    assert set(choices(precision)) == {"no Winograd", "no sgemm", "no packing"}


def test_float_layers_of_other_files_have_these_choices_too():
    found = choices("int8")
    assert set(found) - set(choices("fp32")) == {"fp32 arithmetic", "fp32 storage", "bf16 storage"}
    settings = options("int8", found["bf16 storage"])
    assert settings == options("bf16")


def test_what_is_settled_is_no_choice():
    left = choices("int8", ["use_winograd_convolution", "use_fp16_arithmetic"])
    assert set(left) == {"no sgemm", "no packing"}
