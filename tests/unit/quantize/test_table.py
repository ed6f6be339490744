"""The calibration table: its text, and whether it fits a model."""

import numpy as np
import pytest

from samples.ncnn import small_network
from zoo.errors import ZooError
from zoo.quantize.table import CalibrationTable, check_table, read_table, write_table


def f32(*values):
    return np.array(values, np.float32)


def fitting():
    return CalibrationTable(
        {"conv": f32(1, 2, 3, 4), "dw": f32(5, 6, 7, 8), "fc": f32(1, 1, 1, 1, 1)},
        {"conv": 12.5, "dw": 30.0, "fc": 3.0},
    )


def test_every_float32_comes_back(tmp_path):
    bits = np.random.default_rng(0).integers(0x00800000, 0x7F800000, 20000, dtype=np.uint32)
    scales = bits.view(np.float32)
    activations = {f"layer{index}": float(scale) for index, scale in enumerate(scales[:100])}
    write_table(CalibrationTable({"conv": scales}, activations), tmp_path / "int8.table")
    read = read_table(tmp_path / "int8.table")
    assert read.weights["conv"].dtype == np.float32
    np.testing.assert_array_equal(read.weights["conv"], scales)
    assert read.activations == activations


def test_a_double_is_written_as_the_float32_it_becomes(tmp_path):
    for scale in np.random.default_rng(0).uniform(1, 1000, 200):
        write_table(CalibrationTable({"a": f32(1)}, {"a": float(scale)}), tmp_path / "t")
        assert read_table(tmp_path / "t").activations["a"] == np.float32(scale)


def test_the_text_is_that_of_the_official_tools(tmp_path):
    write_table(CalibrationTable({"a": f32(1.5, 127), "b": f32(0.1)}, {"a": 20.0, "b": 0.25}), tmp_path / "t")
    assert (tmp_path / "t").read_bytes() == b"a_param_0 1.5 127\nb_param_0 0.100000001\na 20\nb 0.25\n"


@pytest.mark.parametrize(
    "text",
    [
        "conv_3_param_0 10.500000 127.000000 \nconv_3 42.125000 \n",  # as ncnn2table writes it
        "conv_3 42.125\nconv_3_param_0 10.5 127\n",  # keys in the other order
        "conv_3_param_0   1.05e1 1.27e+02\r\nconv_3 42.125\r\n\r\n",  # from Windows
        "conv_3_param_0 10.5 127\nconv_3 42.125",  # without an end of line
    ],
)
def test_tables_of_other_tools_are_read(text, tmp_path):
    (tmp_path / "t").write_bytes(text.encode())
    table = read_table(tmp_path / "t")
    assert {name: list(scales) for name, scales in table.weights.items()} == {"conv_3": [10.5, 127]}
    assert table.activations == {"conv_3": 42.125}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "t: the calibration table is empty"),
        (b"\n \n", "t: the calibration table is empty"),
        (b"a_param_0 1\n\na 2\n", "t, line 2: an empty line, where ncnn's tools stop"),
        (b"a_param_0\n", "t, line 1: a_param_0 has no scales"),
        (b"a_param_0 1 x\n", "t, line 1: a_param_0 has a scale that is not a number"),
        (b"a_param_0 1\na 1 2\n", "t, line 2: a has 2 activation scales; ncnn takes one"),
        (b"a 1\na_param_0 1\na 1\n", "t, line 3: a appears a second time"),
        (b"a_param_0 1\na_param_0 1\n", "t, line 2: a_param_0 appears a second time"),
        (b"mha_param_1 1\n", "t, line 1: mha_param_1 is not the weight or activation of a Convolution, "),
        (b"\xff\xfe\n", "t: not a calibration table"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(text, message, tmp_path):
    (tmp_path / "t").write_bytes(text)
    with pytest.raises(ZooError, match=message):
        read_table(tmp_path / "t")


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ZooError, match="int8.table: no such file".replace(".", r"\.")):
        read_table(tmp_path / "int8.table")


def test_a_fitting_table_has_no_problem():
    assert check_table(fitting(), small_network()) == []
    only_fc = CalibrationTable({"fc": f32(1, 1, 1, 1, 1)}, {"fc": 1.0})
    assert check_table(only_fc, small_network()) == []


@pytest.mark.parametrize(
    ("weights", "activations", "problem"),
    [
        ({"other": f32(1)}, {}, "layer other is in the table but not in the model"),
        ({}, {"other": 1.0}, "layer other is in the table but not in the model"),
        ({"pool": f32(1)}, {"pool": 1.0}, "layer pool (Pooling) is in the table, but only Convolution, "),
        ({"conv": None}, {}, "layer conv (Convolution): has an activation scale but no conv_param_0"),
        ({}, {"conv": None}, "layer conv (Convolution): has weight scales but no activation scale"),
        ({"conv": f32(1, 2, 3)}, {}, "layer conv (Convolution): has 3 weight scales, needs 4"),
        ({"dw": f32(1)}, {}, "layer dw (ConvolutionDepthWise): has 1 weight scales, needs 4"),
        ({"fc": f32(1, 1, 1, 1)}, {}, "layer fc (InnerProduct): has 4 weight scales, needs 5"),
        *(
            (
                {"conv": f32(1, value, 1, value)},
                {},
                "layer conv (Convolution): has 2 weight scales that are zero, ",
            )
            for value in (0, -1, np.inf, np.nan)
        ),
        *(
            ({}, {"fc": value}, f"layer fc (InnerProduct): has the activation scale {value}, which must be")
            for value in (0.0, -1.0, np.inf, np.nan)
        ),
    ],
)
def test_a_table_that_does_not_fit_has_its_problem_named(weights, activations, problem):
    def changed(old, new):
        return {key: value for key, value in {**old, **new}.items() if value is not None}

    table = CalibrationTable(changed(fitting().weights, weights), changed(fitting().activations, activations))
    (found,) = check_table(table, small_network())
    assert found.startswith(problem)


def test_an_empty_table_is_a_problem():
    assert check_table(CalibrationTable({}, {}), small_network()) == ["the table has no layer"]
