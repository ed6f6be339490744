"""The files beside an ONNX file that hold its weights, told by its bytes: a plan has no time for onnx."""

import mmap
import os
import re
from pathlib import Path

_LOCATION = re.compile(rb"\n\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")
"""The start of an entry `location` in protobuf's encoding, and the length of what follows."""
SUFFIX = ".data"
"""What the name of such a file has behind that of the ONNX file, as a rule; torch's exporter names it so."""


def data_beside(file: Path) -> list[Path]:
    """The files that an ONNX file names as holding its weights, sorted, whether or not they are there; none
    for another sort of file, or for one that is missing. Raises OSError if it cannot be read."""
    if file.suffix != ".onnx" or not file.is_file() or not file.stat().st_size:
        return []
    names = set()
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for entry in _LOCATION.finditer(content):
            low, *high = entry[1]
            size = (low & 127) + (high[0] << 7 if high else 0)
            names.add(os.fsdecode(content[entry.end() : entry.end() + size]).replace("\0", ""))
    return [file.parent / name for name in sorted(names)]
