"""Arrays of a `.bin`: tags, padding, and that reading never passes the end."""

import struct
from io import BytesIO

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.ncnn.bin import CODEBOOK_SIZE, Array, BinReader, Storage, array, packed_bytes, write_arrays


def written(*arrays: Array) -> bytes:
    handle = BytesIO()
    write_arrays(list(arrays), handle)
    return handle.getvalue()


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        (Storage.RAW, struct.pack("<3f", 1, 2, 3)),
        (Storage.RAW_INT8, b"\x01\x02\x03" + b"\x00"),
        (Storage.FP32, bytes(4) + struct.pack("<3f", 1, 2, 3)),
        (Storage.FP32_SCALED, struct.pack("<I3f", 0x0002C056, 1, 2, 3)),
        (Storage.FP16, struct.pack("<I3e", 0x01306B47, 1, 2, 3) + b"\x83\x22"),
        (Storage.BF16, struct.pack("<I3H", 0x01348B83, 1, 2, 3) + bytes(2)),
        (Storage.INT8, struct.pack("<I3b", 0x000D4B38, 1, 2, 3) + b"\x00"),
    ],
)
def test_an_array_is_a_tag_numbers_and_padding(storage, expected):
    assert written(array(np.array([[1], [2], [3]]), storage)) == expected


def test_a_codebook_is_256_floats_and_places_in_it():
    book = np.linspace(-1, 1, CODEBOOK_SIZE, dtype=np.float32)
    places = Array(np.array([0, 255, 7, 7, 1], np.uint8), Storage.CODEBOOK, codebook=book)
    assert written(places) == struct.pack("<I", 0x100) + book.tobytes() + b"\x00\xff\x07\x07\x01" + bytes(3)
    np.testing.assert_array_equal(places.floats(), book[[0, 255, 7, 7, 1]])


def test_what_was_written_is_read_one_after_the_other():
    arrays = [array(np.arange(5), storage) for storage in (Storage.FP16, Storage.RAW, Storage.INT8)]
    reader = BinReader(written(*arrays))
    for wanted in arrays:
        found = reader.read(5, tagged=wanted.storage is not Storage.RAW)
        assert found.storage is wanted.storage and not found.values.flags.writeable
        np.testing.assert_array_equal(found.values, wanted.values)
    assert reader.left == 0


def test_without_a_tag_the_layer_says_how_numbers_are_stored():
    assert BinReader(b"\x05\x06\xff\x00").read(3, False, Storage.RAW_INT8).values.tolist() == [5, 6, -1]


def test_four_bits_lie_low_half_first_and_each_row_begins_with_a_byte():
    rows = np.array([[1, -1, 7], [-8, 0, 3]])
    stored = array(rows, Storage.RAW_INT4)
    assert written(stored) == bytes([0xF1, 0x07, 0x08, 0x03])
    read = BinReader(written(stored)).read(6, False, Storage.RAW_INT4, width=3)
    assert read.values.tolist() == rows.ravel().tolist() and read.width == 3


def test_six_bits_go_over_the_ends_of_bytes():
    """-1 is 111111, 1 is 000001, -32 is 100000, 5 is 000101: from the lowest bit on, eight a byte."""
    stored = array(np.array([[-1, 1, -32, 5, 2]]), Storage.RAW_INT6)
    bits = "111111" + "100000" + "000001" + "101000" + "010000"
    expected = [int(bits[start : start + 8][::-1], 2) for start in range(0, 30, 8)]
    assert written(stored) == bytes(expected)
    assert BinReader(written(stored)).read(5, False, Storage.RAW_INT6, 5).values.tolist() == [
        -1,
        1,
        -32,
        5,
        2,
    ]


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 64, 99])
@pytest.mark.parametrize(("storage", "bits"), [(Storage.RAW_INT4, 4), (Storage.RAW_INT6, 6)])
def test_every_number_of_few_bits_survives(storage, bits, width):
    largest = 1 << (bits - 1)
    rows = np.random.default_rng(width).integers(-largest, largest, (9, width))
    data = written(array(rows, storage))
    assert len(data) == 9 * packed_bytes(width, bits) + -9 * packed_bytes(width, bits) % 4
    read = BinReader(data).read(rows.size, False, storage, width)
    np.testing.assert_array_equal(read.values, rows.ravel())
    assert read.tobytes() == data


def test_few_bits_have_rows_and_a_range():
    with pytest.raises(ZooError, match="holds numbers beyond 8"):
        array(np.array([[8, 0]]), Storage.RAW_INT4)
    with pytest.raises(ZooError, match="5 numbers stored as RAW_INT6 has rows of 2"):
        Array(np.zeros(5, np.int8), Storage.RAW_INT6, width=2)
    with pytest.raises(ZooError, match="rows of 0"):
        Array(np.zeros(5, np.int8), Storage.RAW_INT6)
    with pytest.raises(ZooError, match="after the last number of a row"):
        BinReader(b"\xf1\xf7\0\0").read(3, False, Storage.RAW_INT4, width=3)
    with pytest.raises(ZooError, match="4 bytes at byte 0, but the file ends at 2"):
        BinReader(b"\xf1\xf7").read(3, False, Storage.RAW_INT4, width=3)


def test_floats_are_the_numbers_that_an_array_stands_for():
    exact = np.array([1.5, -2.0, 0.25], np.float32)
    halves = (exact.view(np.uint32) >> 16).astype(np.uint16)
    for each in (array(exact, Storage.FP32), array(exact, Storage.FP16), array(halves, Storage.BF16)):
        assert each.floats().dtype == np.float32
        np.testing.assert_array_equal(each.floats(), exact)
    assert array(np.array([-3, 4]), Storage.INT8).floats().tolist() == [-3.0, 4.0]


def test_arrays_know_their_dtype_and_their_codebook():
    with pytest.raises(ZooError, match="stored as FP16 holds flat float16, not float32"):
        Array(np.zeros(3, np.float32), Storage.FP16)
    with pytest.raises(ZooError, match=r"not float32 of shape \(1, 3\)"):
        Array(np.zeros((1, 3), np.float32), Storage.RAW)
    with pytest.raises(ZooError, match=r"stored as CODEBOOK has a codebook of shape \(\)"):
        Array(np.zeros(3, np.uint8), Storage.CODEBOOK)
    with pytest.raises(ZooError, match=r"stored as RAW has a codebook of shape \(256,\)"):
        Array(np.zeros(3, np.float32), Storage.RAW, codebook=np.zeros(256, np.float32))


@pytest.mark.parametrize("size", [0, 3, 4, 15])
def test_the_end_is_never_passed(size):
    with pytest.raises(ZooError, match=rf"the file ends at {size}: it was cut short"):
        BinReader(written(array(np.arange(3), Storage.FP32))[:size]).read(3, tagged=True)


def test_a_codebook_that_is_cut_short_is_named():
    with pytest.raises(ZooError, match="a codebook's numbers need 1024 bytes at byte 4"):
        BinReader(struct.pack("<I", 0x100) + bytes(1000)).read(3, tagged=True)


def test_an_unknown_tag_is_shown():
    with pytest.raises(ZooError, match="no known array tag but 0x04030201 at byte 0"):
        BinReader(b"\x01\x02\x03\x04" + bytes(12)).read(3, tagged=True)
