"""Frames, and what is none."""

import io
import json
import struct

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.targets import protocol
from zoo.targets.protocol import Frame, OutOfStep, packed, packed_arrays, unpacked, unpacked_array


def raw(header: bytes, body: bytes = b"", magic: bytes = b"ZOO1", sizes: tuple[int, int] | None = None):
    """A reader of a frame of these bytes, whatever it announces."""
    announced = sizes or (len(header), len(body))
    return io.BytesIO(struct.pack("<4sIQ", magic, *announced) + header + body).read


def test_what_is_packed_is_unpacked():
    frames = [Frame({"do": "hello"}), Frame({"name": "Größe"}, b"\x00\xff"), Frame({})]
    read = io.BytesIO(b"".join(packed(*frame) for frame in frames)).read
    assert [unpacked(read) for _ in frames] == frames


def test_arrays_come_back_as_they_are():
    arrays = tuple(np.random.default_rng(0).normal(size=shape) for shape in ((2,), (2, 3), (2, 3, 4)))
    shapes, body = packed_arrays(arrays)
    start = 0
    for shape, expected in zip(shapes, arrays, strict=True):
        size = 4 * expected.size
        got = unpacked_array(Frame({"shape": shape}, body[start : start + size]))
        np.testing.assert_array_equal(got, expected.astype(np.float32))
        start += size
    assert start == len(body)


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (raw(b"{}", magic=b"HTTP"), "b'HTTP'"),
        (raw(b"{}", sizes=(1 << 30, 0)), "longer than frames may be"),
        (raw(b"{}", sizes=(2, 1 << 60)), "longer than frames may be"),
        (raw(b"{"), "no JSON"),
        (raw(b"\xff\xfe"), "no JSON"),
        (raw(b"[1]"), "no JSON object"),
        (raw(b"[" * 100_000), "no JSON"),
    ],
)
def test_what_is_no_frame_is_refused(read, why: str):
    with pytest.raises(OutOfStep, match=why):
        unpacked(read)


@pytest.mark.parametrize("shape", [[3], [-1, -2], [1.5], "2", None, [1 << 40, 1 << 40]])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(OutOfStep, match="8 bytes as an array of the shape"):
        unpacked_array(Frame({"shape": shape}, bytes(8)))


def test_a_frame_that_is_too_long_is_not_sent(monkeypatch):
    monkeypatch.setattr(protocol, "MOST_BODY", 7)
    with pytest.raises(ZooError, match="longer than frames may be"):
        packed({}, bytes(8))
    assert json.loads(packed({}, bytes(7))[16:18]) == {}
