"""The text of a `.param`: what is read, what is refused, what is written."""

import random
from dataclasses import replace

import ncnn
import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.ncnn.layer import Layer
from zoo.ncnn.param import format_line, format_param, parse_line, parse_param

TEXT = """7767517
3 3
Input                    in0                      0 1 in0
HardSwish                hswish_36                1 1 in0 1 0=0.166666672 1=0.5
Convolution              convclip_0               1 1 1 out0 0=32 1=3 -23310=2,0.0,6.0 6=864 9=3
"""


def test_a_file_is_read_and_written_back_unchanged():
    read = parse_param(TEXT)
    assert (read.layer_count, read.blob_count) == (3, 3)
    assert format_param(read.layers, read.blob_count) == TEXT


def test_a_line_is_read_into_its_parts():
    layer = parse_line('Crop  x   2 1  a b   c 0=1 1=-2.5e-1 -23303=2,7,8 4=0.5,1 5=3,4, 6=name 7="0w, 1h"')
    assert (layer.type, layer.name, layer.inputs, layer.outputs) == ("Crop", "x", ("a", "b"), ("c",))
    assert layer.params == {0: 1, 1: -0.25, 3: (7, 8), 4: (0.5, 1.0), 5: (3, 4), 6: "name", 7: "0w, 1h"}
    assert isinstance(layer.params[0], int) and isinstance(layer.params[1], float)


def test_an_edited_line_is_written_afresh_and_reads_the_same():
    layer = parse_line('Crop  x 1 1 a b 0=1 1=-2.5e-1 -23303=2,7,8 4=0.5,1 6=name 7="0w, 1h" 8=1.0')
    edited = replace(layer, name="y", params={**layer.params, 2: 5})
    line = format_line(edited)
    assert line.startswith(
        "Crop                     y                        1 1 a b 0=1 1=-2.500000e-01 -23303=2,7,8 "
    )
    assert parse_line(line).params == edited.params


@pytest.mark.parametrize(("old", "new", "text"), [(1, 2, "2"), (1, 1.0, "1.000000e+00"), (1.0, 1, "1")])
def test_an_int_that_becomes_a_float_is_an_edit(old, new, text):
    layer = parse_line(f"ReLU x 1 1 a b 0={old}")
    assert format_line(replace(layer, params={0: old})) == layer.line
    assert format_line(replace(layer, params={0: new})).endswith(f" a b 0={text}")


def ncnn_reads(text):
    """The value ncnn itself takes `text` for: the output of a Clip whose lower bound it is."""
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_bf16_storage = False
    assert net.load_param_mem(f"7767517\n2 2\nInput in0 0 1 in0\nClip x 1 1 in0 out0 0={text} 1=3e38\n") == 0
    net.load_model_mem(b"")
    with net.create_extractor() as extractor:
        extractor.input("in0", ncnn.Mat(np.full(4, -3.4e38, np.float32)).clone())
        status, output = extractor.extract("out0")
        assert status == 0
        return np.array(output)[0]


def test_written_floats_are_what_ncnn_reads():
    draw = random.Random(0)
    values = [0.0, 1e-5, 1 / 3, -1.17549435e-38]
    values += [draw.uniform(-1, 1) * 10.0 ** draw.randint(-30, 30) for _ in range(300)]
    for value in np.array(values, np.float32):
        text = format_line(Layer("Clip", "x", ("a",), ("b",), {0: float(value)})).split("0=")[-1]
        assert len(text) <= 15
        assert np.float32(parse_line(f"Clip x 1 1 a b 0={text}").params[0]) == value
        assert ncnn_reads(text) == pytest.approx(value, rel=1.2e-7, abs=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not start with 7767517"),
        ("7767516\n1 1\n", "does not start with 7767517"),
        ("7767517\n", "line 2 must hold"),
        ("7767517\n1 x\n", "line 2 must hold"),
        (f"7767517\n{'9' * 5000} 1\n", "line 2 must hold"),
        (f"7767517\n1 1\nReLU x {'9' * 20} 1 a b\n", "line 3: .* is not 'type name inputs"),
        (f"7767517\n1 1\nReLU x 1 1 a b {'9' * 5000}=1\n", "is not 'id=value'"),
        ("7767517\n1 1\nInput in0 0\n", "line 3: 'Input in0 0' is not"),
        ("7767517\n1 1\n\nReLU x one 1 a b\n", "line 4: 'ReLU x one 1 a b' is not"),
        ("7767517\n1 1\nReLU x 1 1 a\n", r"line 3: layer x \(ReLU\) names fewer blobs than the 2"),
        ("7767517\n1 1\nReLU x 1 1 a 0=1\n", "names fewer blobs"),
        ("7767517\n1 1\nReLU x 1 1 a b 0\n", r"layer x \(ReLU\): '0' is not 'id=value'"),
        ("7767517\n1 1\nReLU x 1 1 a b 32=1\n", "parameter id 32 is outside"),
        ("7767517\n1 1\nReLU x 1 1 a b 0=1x\n", "0=1x is not a value"),
        ("7767517\n1 1\nReLU x 1 1 a b 0=-inf\n", "0=-inf is not a value"),
        ("7767517\n1 1\nReLU x 1 1 a b -23300=2,1\n", "-23300=2,1 is not a value"),
        ("7767517\n1 1\nReLU x 1 1 a b 0=0.12345678901234\n", "0=0.12345678901234 is not a value"),
    ],
)
def test_a_damaged_text_is_refused_with_its_line(text, message):
    with pytest.raises(ZooError, match=message):
        parse_param(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "two words"}, "cannot read the name 'two words'"),
        ({"outputs": ("",)}, "cannot read the name ''"),
        ({"inputs": ("a" * 256,)}, "cannot read the name 'aaa"),
        ({"params": {0: float("nan")}}, "parameter 0 is nan"),
        ({"params": {1: (1.0, float("inf"))}}, "parameter 1 is inf"),
        ({"params": {40: 1}}, "parameter id 40 is outside"),
    ],
)
def test_what_ncnn_cannot_read_is_not_written(change, message):
    with pytest.raises(ZooError, match=message):
        format_line(replace(Layer("Clip", "x", ("a",), ("b",)), **change))
