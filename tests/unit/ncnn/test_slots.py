"""The terms in which the table of layouts is written."""

import pytest

from zoo.ncnn.bin import Storage
from zoo.ncnn.layer import Layer
from zoo.ncnn.param_ids import Convolution
from zoo.ncnn.slots import (
    always,
    equals,
    parameter,
    product,
    raw,
    raw_int8,
    raw_packed,
    tagged,
    unless,
    value,
)

LAYER = Layer("Convolution", "x", (), (), {Convolution.NUM_OUTPUT: 6, Convolution.KERNEL_W: 3})


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Convolution.NUM_OUTPUT, 6),
        (Convolution.BIAS_TERM, 0),
        (always, 1),
        (parameter(Convolution.STRIDE_W, 1), 1),
        (parameter(Convolution.KERNEL_W, 1), 3),
        (equals(Convolution.KERNEL_W, 3), 1),
        (equals(Convolution.KERNEL_W, 0), 0),
        (equals(Convolution.STRIDE_W, 1, default=1), 1),
        (product(Convolution.NUM_OUTPUT, Convolution.KERNEL_W, always), 18),
        (product(Convolution.NUM_OUTPUT, Convolution.BIAS_TERM), 0),
    ],
)
def test_what_a_term_is_for_a_layer(term, expected):
    assert value(term, LAYER) == expected


def test_a_product_stops_at_its_first_zero():
    def asked(_: Layer) -> int:
        raise AssertionError("asked of a layer that it does not concern")

    assert value(product(Convolution.BIAS_TERM, asked), LAYER) == 0


def test_slots_say_how_an_array_is_stored():
    slots = tagged("a", always), raw("b", always), raw_int8("c", always)
    packed = raw_packed("d", Convolution.NUM_OUTPUT, Convolution.KERNEL_W, Storage.RAW_INT4)
    assert (value(packed.size, LAYER), value(packed.width or 0, LAYER)) == (18, 3)
    assert (packed.tagged, packed.untagged) == (False, Storage.RAW_INT4)
    assert [(slot.tagged, slot.untagged) for slot in slots] == [
        (True, Storage.RAW),
        (False, Storage.RAW),
        (False, Storage.RAW_INT8),
    ]


def test_no_slot_is_there_if_the_weights_come_in_as_blobs():
    slots = unless(Convolution.DYNAMIC_WEIGHT, raw("a", always), raw("b", always, when=Convolution.BIAS_TERM))
    dynamic = Layer("Convolution", "x", (), (), {Convolution.DYNAMIC_WEIGHT: 1, Convolution.BIAS_TERM: 1})
    assert [value(slot.when, LAYER) for slot in slots] == [1, 0]
    assert [value(slot.when, dynamic) for slot in slots] == [0, 0]
