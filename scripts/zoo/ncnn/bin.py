"""Arrays of an ncnn `.bin` file: how one is tagged, padded, read and written.

A `.bin` is the arrays of all layers one after the other, without names or sizes; those follow from the
`.param` (see `layouts`). Format: ncnn `src/modelbin.cpp`. All numbers are little-endian, every array
ends on a multiple of four bytes.
"""

import struct
from dataclasses import dataclass
from enum import Enum
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from zoo.array_types import Floats
from zoo.errors import ZooError


class Storage(Enum):
    """How the numbers of an array lie in the file; the value is the four-byte tag before them, if any."""

    RAW = None  # fp32 without a tag
    RAW_INT8 = "none"  # int8 without a tag
    RAW_INT6 = "6 bits"  # likewise, a row of numbers after the other, its bits from the lowest to the highest
    RAW_INT4 = "4 bits"
    FP32 = 0
    FP16 = 0x01306B47
    BF16 = 0x01348B83  # the upper halves of fp32; ncnn before 20261020 takes it for CODEBOOK
    INT8 = 0x000D4B38
    FP32_SCALED = 0x0002C056  # read by ncnn exactly as FP32
    CODEBOOK = 0x00000100  # 256 fp32, then a byte a number that says which; for ncnn any unknown tag is this

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(_DTYPES.get(self, "<f4"))

    @property
    def tag(self) -> bytes:
        """What stands before the numbers; nothing for those that have no tag."""
        return struct.pack("<I", self.value) if isinstance(self.value, int) else b""

    @property
    def packed_bits(self) -> int:
        """How many bits a number has where numbers lie side by side in a byte; else 0."""
        return _PACKED.get(self, 0)


_PACKED = {Storage.RAW_INT6: 6, Storage.RAW_INT4: 4}
_DTYPES = {
    Storage.FP16: "<f2",
    Storage.BF16: "<u2",
    Storage.INT8: "<i1",
    Storage.RAW_INT8: "<i1",
    Storage.RAW_INT6: "<i1",
    Storage.RAW_INT4: "<i1",
    Storage.CODEBOOK: "|u1",
}

INTEGERS = (Storage.INT8, Storage.RAW_INT8, Storage.RAW_INT6, Storage.RAW_INT4)
"""Whole numbers, of which scales make weights."""

CODEBOOK_SIZE = 256
"""How many values an array stored as CODEBOOK can have."""


@dataclass(frozen=True, eq=False)
class Array:
    """One array as it lies in a `.bin`.

    values: one-dimensional; float32, or float16 and int8 where the storage says so. Of BF16 they are the
        bits, uint16; of CODEBOOK the places in the codebook, uint8.
    padding: the bytes that fill up to a multiple of four, kept so that a file is written back as it
        was read; None stands for the usual ones (0x2283 after fp16, as pnnx writes, else zeros).
    codebook: float32 (256,), for CODEBOOK alone.
    width: how many numbers are in a row, for RAW_INT6 and RAW_INT4 alone: each row begins with a byte.
    Raises ZooError if the dtype of the values, the codebook or the width is not that of the storage, or a
    number does not fit.
    """

    values: NDArray[Any]
    storage: Storage
    padding: bytes | None = None
    codebook: Floats | None = None
    width: int = 0

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.dtype != self.storage.dtype:
            raise ZooError(
                f"an array stored as {self.storage.name} holds flat {self.storage.dtype.name}, "
                f"not {self.values.dtype.name} of shape {self.values.shape}"
            )
        book = () if self.codebook is None else self.codebook.shape
        if book != ((CODEBOOK_SIZE,) if self.storage is Storage.CODEBOOK else ()):
            raise ZooError(f"an array stored as {self.storage.name} has a codebook of shape {book}")
        if self.storage.packed_bits or self.width:
            self._check_rows()

    def _check_rows(self) -> None:
        largest = 1 << max(self.storage.packed_bits - 1, 0)
        if not self.storage.packed_bits or self.width < 1 or self.values.size % self.width:
            count, kind = self.values.size, self.storage.name
            raise ZooError(f"an array of {count} numbers stored as {kind} has rows of {self.width}")
        if self.values.size and not -largest <= self.values.min() <= self.values.max() < largest:
            raise ZooError(f"an array stored as {self.storage.name} holds numbers beyond {largest}")

    def floats(self) -> Floats:
        """The values as float32 (int8 values unscaled)."""
        if self.codebook is not None:
            expanded: Floats = self.codebook[self.values]
            return expanded
        if self.storage is Storage.BF16:
            return (self.values.astype(np.uint32) << 16).view(np.float32)
        return self.values.astype(np.float32, copy=False)

    def tobytes(self) -> bytes:
        """The array with its tag and padding, as it goes into the file."""
        bits = self.storage.packed_bits
        numbers = pack(self.values, self.width, bits) if bits else self.values.tobytes()
        fill = -len(numbers) % 4
        usual = b"\x83\x22" if self.storage is Storage.FP16 else bytes(fill)
        padding = usual[:fill] if self.padding is None or len(self.padding) != fill else self.padding
        book = b"" if self.codebook is None else self.codebook.tobytes()
        return self.storage.tag + book + numbers + padding


def array(values: NDArray[Any], storage: Storage) -> Array:
    """An Array of the given storage from values of any shape, cast to the storage's dtype.

    The values of BF16 are bits (see `bf16`); the last axis of those of RAW_INT6 and RAW_INT4 is a row. A
    CODEBOOK needs more than values: build the Array.
    """
    flat = np.ascontiguousarray(values, dtype=storage.dtype).reshape(-1)
    return Array(flat, storage, width=values.shape[-1] if storage.packed_bits else 0)


def pack(values: NDArray[np.int8], width: int, bits: int) -> bytes:
    """Flat numbers in rows of `width`, each as the lowest `bits` of its two's complement; zeros end a row."""
    each = np.unpackbits(values.view(np.uint8).reshape(-1, width, 1), axis=2, bitorder="little")[..., :bits]
    return np.packbits(each.reshape(-1, width * bits), axis=1, bitorder="little").tobytes()


def unpack(data: NDArray[np.uint8], width: int, bits: int) -> NDArray[np.int8]:
    """The inverse of `pack`. Raises ZooError if a row does not end with zeros."""
    each = np.unpackbits(data.reshape(-1, packed_bytes(width, bits)), axis=1, bitorder="little")
    if each[:, width * bits :].any():
        raise ZooError("there are bits after the last number of a row: the .bin is damaged")
    lowest = np.packbits(each[:, : width * bits].reshape(-1, bits), axis=1, bitorder="little").reshape(-1)
    sign = np.int8(1 << (bits - 1))
    signed: NDArray[np.int8] = (lowest.view(np.int8) ^ sign) - sign
    return signed


def packed_bytes(width: int, bits: int) -> int:
    """How many bytes a row of `width` numbers takes."""
    return -(-width * bits // 8)


class BinReader:
    """Reads arrays one after the other from the bytes of a `.bin`, and never past their end.

    The arrays are read-only views into `data`.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self.data) - self.position

    def read(self, count: int, tagged: bool, untagged: Storage = Storage.RAW, width: int = 0) -> Array:
        """The next array of `count` numbers. untagged: how they are stored if there is no tag to tell; width:
        how many are in a row, of those stored as RAW_INT6 and RAW_INT4.

        Raises ZooError if the data ends inside it or its tag is none of ncnn's. The text lacks the
        name of the layer, which the caller knows.
        """
        storage = self._tag(count) if tagged else untagged
        book = self._codebook() if storage is Storage.CODEBOOK else None
        start, size = self.position, count * storage.dtype.itemsize
        if bits := storage.packed_bits:
            size = count // width * packed_bytes(width, bits)
        self._need(size + -size % 4, f"{count} numbers ({storage.name})")
        if bits:
            values = unpack(np.frombuffer(self.data, np.uint8, size, start), width, bits)
        else:
            values = np.frombuffer(self.data, storage.dtype, count, start)
        padding = self.data[start + size : start + size + -size % 4]
        self.position += size + len(padding)
        return Array(values, storage, padding or None, book, width)

    def _tag(self, count: int) -> Storage:
        self._need(4, f"the tag of an array of {count} numbers")
        (tag,) = struct.unpack_from("<I", self.data, self.position)
        try:
            storage = Storage(tag)
        except ValueError:
            raise ZooError(
                f"no known array tag but 0x{tag:08X} at byte {self.position}: the .bin belongs to another "
                ".param or is damaged; delete both to have them made again"
            ) from None
        self.position += 4
        return storage

    def _codebook(self) -> Floats:
        size = CODEBOOK_SIZE * 4
        self._need(size, "a codebook's numbers")
        self.position += size
        return np.frombuffer(self.data, "<f4", CODEBOOK_SIZE, self.position - size)

    def _need(self, size: int, what: str) -> None:
        if size > self.left:
            raise ZooError(
                f"{what} need {size} bytes at byte {self.position}, but the file ends at {len(self.data)}: "
                "it was cut short or belongs to another .param; delete both to have them made again"
            )


def write_arrays(arrays: list[Array], handle: BinaryIO) -> None:
    """Write the arrays one after the other, one at a time in memory."""
    for each in arrays:
        handle.write(each.tobytes())
