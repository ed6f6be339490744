"""Files that are damaged on purpose, for readers that must refuse or take them: sound ones, changed.

Every change takes a generator of random numbers and sound files of one kind, and gives the bytes of another.
"""

import contextlib
import copy
import io
import json
import random
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

NUMBERS = (
    *("0", "-1", "1", "2", "255", "256", "2147483647", "4294967296", "-9223372036854775809", "1e30"),
    *(
        "1e400",
        "-1e-400",
        "nan",
        "inf",
        "-inf",
        "0x10",
        "1_0",
        "²",
        "٣",
        "9" * 30,
        "9" * 5000,
        "1.5",
        ".",
        "-",
    ),
)
WORDS = (
    *(
        "",
        '"',
        "\0",
        "é",
        "\ud7ff",
        "x" * 300,
        "{",
        "[",
        "-23300=1,1",
        "0=0",
        "31=1",
        "32=1",
        "Input",
        "Split",
    ),
    *("a,b", "Convolution", "Gemm", "LSTM", "MultiHeadAttention", "MemoryData", "_param_0", "\u2028"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**30, 10**400, 0.5, -0.0, 1e308),
    *(
        float("nan"),
        float("inf"),
        "",
        "x",
        "fp16",
        "int8",
        "é",
        "\ud800",
        "a\nb",
        "\0",
        "/",
        "..",
        "x" * 5000,
    ),
    *([], {}, [[]], [None], {"": None}, [0] * 1000, [1, 2], {"a": 1}, "1", "auto", "none"),
)
TAGS = (0, 0x01306B47, 0x01348B83, 0x000D4B38, 0x0002C056, 0x7FC00000, 0x7F800000, 0xFFFFFFFF, 1 << 31)
"""Of ncnn's arrays, and the bits of NaN, infinity and the extremes."""


def several(draw: random.Random, data: bytes, *changes: Callable[[random.Random, bytes], bytes]) -> bytes:
    for _ in range(draw.choice((1, 1, 2, 4))):
        data = draw.choice(changes)(draw, data)
    return data


def binary(draw: random.Random, samples: list[bytes]) -> bytes:
    """Bytes flipped, put in, taken out, cut off, spliced."""
    data = draw.choice(samples)
    if draw.random() < 0.05:
        other = draw.choice(samples)
        return data[: draw.randrange(len(data))] + other[draw.randrange(len(other)) :]
    return several(draw, data, flip, insert, delete, cut, word)


def flip(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data or b"x")
    for _ in range(draw.choice((1, 1, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def insert(draw: random.Random, data: bytes) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.randbytes(draw.choice((1, 2, 4, 100))) + data[place:]


def delete(draw: random.Random, data: bytes) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + data[place + draw.choice((1, 4, 50)) :]


def cut(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def word(draw: random.Random, data: bytes) -> bytes:
    """A number of four bytes that means something: the tags of arrays, the extremes, NaN."""
    place = draw.randrange(0, len(data) + 1, 4)
    number = draw.choice(TAGS)
    return data[:place] + number.to_bytes(4, "little") + data[place + 4 :]


def text(draw: random.Random, samples: list[bytes]) -> bytes:
    """Words and lines changed; now and then bytes."""
    if draw.random() < 0.1:
        return binary(draw, samples)
    return several(draw, draw.choice(samples), token, token, token, line)


def token(draw: random.Random, data: bytes) -> bytes:
    parts = re.split(rb"([^\s=,:]+)", data)
    if len(parts) < 2:
        return data
    place = draw.randrange(1, len(parts), 2)
    others = (draw.choice(NUMBERS), draw.choice(WORDS))
    new = draw.choice((*(each.encode("utf-8", "surrogatepass") for each in others), draw.choice(parts[1::2])))
    return b"".join([*parts[:place], new, *parts[place + 1 :]])


def line(draw: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    place, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    match draw.randrange(3):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[other])
        case 2:
            lines[place], lines[other] = lines[other], lines[place]
    return b"\n".join(lines)


def record(draw: random.Random, samples: list[bytes]) -> bytes:
    """Values replaced, removed, renamed, moved; now and then the text."""
    chance = draw.random()
    if chance < 0.001:
        return draw.choice((b"[", b'{"a":')) * 100_000
    if chance < 0.2:
        return text(draw, samples)
    values = json.loads(draw.choice(samples))
    for _ in range(draw.choice((1, 1, 2, 3))):
        values = changed_value(draw, values)
    return json.dumps(values).encode()


def changed_value(draw: random.Random, values: Any) -> Any:
    places = list(containers(values))
    if not places:
        return copy.deepcopy(draw.choice(VALUES))
    holder = draw.choice(places)
    key = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match draw.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[draw.choice(("", "x", "name", "é", key + "_", "\ud800"))] = holder.pop(key)
        case 1:
            holder.append(holder[key])
        case 2:
            holder[key] = json.loads(json.dumps(draw.choice(places)))
        case 3:
            holder[key] = [holder[key]]
        case 4 if draw.random() < 0.1:
            return copy.deepcopy(draw.choice(VALUES))
        case _:
            holder[key] = copy.deepcopy(draw.choice(VALUES))
    return values


def containers(values: Any) -> Any:
    """All dicts and lists in there that hold something."""
    if isinstance(values, (dict, list)) and values:
        yield values
        for each in list(values.values() if isinstance(values, dict) else values):
            yield from containers(each)


def arrays(draw: random.Random, samples: list[bytes]) -> bytes:
    """The archive's bytes, or those of a member in a sound archive, or an array, or the set of them."""
    data = draw.choice(samples)
    if draw.random() < 0.3:
        return binary(draw, [data])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(list(members))
    match draw.randrange(5):
        case 0:
            members[name] = header(draw, members[name])
        case 1:
            members[name] = binary(draw, [members[name]])
        case 2:
            del members[name]
        case 3:
            members[draw.choice((*members, "x.npy", "x", "output9.npy", "é"))] = members.pop(name)
        case 4:
            members[name] = other_array(draw, members[name])
    file = io.BytesIO()
    kind = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(file, "w", kind) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return file.getvalue()


def header(draw: random.Random, member: bytes) -> bytes:
    """What numpy says of an array before its numbers, changed in its place."""
    end = member.index(b"\n")
    new = token(draw, member[10:end])[: end - 10]
    return member[:10] + new.ljust(end - 10) + member[end:]


def other_array(draw: random.Random, member: bytes) -> bytes:
    found = np.load(io.BytesIO(member))
    changes: tuple[Callable[[], Any], ...] = (
        lambda: found.astype(draw.choice(("f2", "f8", "i1", "u8", "c8", "U8", "S3", "?", ">f4"))),
        lambda: found.reshape(-1)[: draw.randrange(3)],
        lambda: found[None],
        lambda: np.full(found.shape, draw.choice((np.nan, np.inf, -1, 1e30))),
        lambda: np.zeros(draw.choice(((), (0,), (1,), (2, 0, 3), (5, 5), (100_000,)))),
        lambda: np.array(json.dumps(changed_value(draw, json.loads(str(found))))),
        lambda: np.array(draw.choice(("", "{}", "[]", "é", "[" * 100_000, "9" * 5000))),
    )
    with contextlib.suppress(ValueError, TypeError, IndexError, RecursionError):
        file = io.BytesIO()
        with np.errstate(all="ignore"):
            np.save(file, draw.choice(changes)(), allow_pickle=False)
        return file.getvalue()
    return member
