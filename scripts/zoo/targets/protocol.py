"""What an agent and its client say to each other: frames, each a JSON header and a body of bytes.

Both ways alike: the four bytes `ZOO1`, the length of the header (4 bytes, little-endian), that of the body (8
bytes), the header (an object, in UTF-8), the body. `agent/agent.cpp` is the other side.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Arrays
from zoo.errors import ZooError

PROTOCOL = 2
"""The version, which both sides must have."""
MAGIC = b"ZOO1"
MOST_HEADER, MOST_BODY = 1 << 20, 1 << 30
"""Bytes; more is no frame."""
_START = struct.Struct("<4sIQ")


class OutOfStep(ZooError):
    """What came is no frame, so that nobody knows where the next one begins."""


class Frame(NamedTuple):
    header: dict[str, Any]
    body: bytes = b""


def packed(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A frame as bytes. Raises ZooError for one that is longer than frames may be."""
    text = json.dumps(header).encode()
    if len(text) > MOST_HEADER or len(body) > MOST_BODY:
        raise ZooError("a frame for the agent is longer than frames may be; take smaller inputs")
    return _START.pack(MAGIC, len(text), len(body)) + text + body


def unpacked(read: Callable[[int], bytes]) -> Frame:
    """The next frame. read: the next so many bytes, all of them. Raises OutOfStep for what is no frame."""
    magic, header, body = _START.unpack(read(_START.size))
    if magic != MAGIC:
        raise OutOfStep(f"it says {magic!r}, where a frame of the protocol should begin")
    if header > MOST_HEADER or body > MOST_BODY:
        raise OutOfStep("it announces a frame that is longer than frames may be")
    try:
        told = json.loads(read(header).decode())
    except (ValueError, RecursionError) as error:
        raise OutOfStep(f"the header of its frame is no JSON ({error})") from error
    if not isinstance(told, dict):
        raise OutOfStep("the header of its frame is no JSON object")
    return Frame(told, read(body))


def packed_arrays(arrays: Arrays) -> tuple[list[list[int]], bytes]:
    """The shapes of float32 arrays, and all their numbers one after the other."""
    as_float = [np.ascontiguousarray(each, dtype="<f4") for each in arrays]
    return [list(each.shape) for each in as_float], b"".join(each.tobytes() for each in as_float)


def unpacked_array(frame: Frame) -> NDArray[np.float32]:
    """The array of a frame that has one. Raises OutOfStep if its shape is not that of its body."""
    shape: Any = frame.header.get("shape")
    whole = isinstance(shape, list) and all(isinstance(each, int) and each >= 0 for each in shape)
    if not whole or 4 * math.prod(shape) != len(frame.body):
        raise OutOfStep(f"it sent {len(frame.body)} bytes as an array of the shape {shape}")
    return np.frombuffer(frame.body, dtype="<f4").reshape(shape)
