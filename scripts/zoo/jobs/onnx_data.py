"""The files beside an ONNX file that hold its weights, told by its bytes: a plan has no time for onnx."""

import mmap
import os
from pathlib import Path

_LOCATION = b"\n\x08location\x12"
"""The start of an entry `location` in protobuf's encoding; the length of what follows is next."""
SUFFIX = ".data"
"""What the name of such a file has behind that of the ONNX file, as a rule; torch's exporter names it so."""


def data_beside(file: Path) -> list[Path]:
    """The same of a file whose suffix tells what it is; none for another sort of file."""
    return data_of(file) if file.suffix == ".onnx" else []


def data_of(file: Path) -> list[Path]:
    """The files that an ONNX file names as holding its weights, sorted, whether or not they are there; none
    for one that is missing. A gigabyte takes about a second. Raises OSError if it cannot be read."""
    if not file.is_file() or not file.stat().st_size:
        return []
    names, start = set(), 0
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (start := content.find(_LOCATION, start)) >= 0:
            start += len(_LOCATION)
            low, high = (*content[start : start + 2], 0, 0)[:2]
            size, bytes_of_size = (low & 127) + (high << 7), 2
            if low < 128:
                size, bytes_of_size = low, 1
            name = content[start + bytes_of_size : start + bytes_of_size + size]
            names |= {os.fsdecode(name).replace("\0", "")} - {""}
    return [file.parent / name for name in sorted(names)]
