"""Folders for temporary files, which lie beside what they are for, and how much the files in them took."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_open: set[Path] = set()
_most = 0


@contextmanager
def scratch(beside: str | Path) -> Iterator[Path]:
    """Yield a fresh folder in that of `beside`, which is made if need be; it is gone when the block ends.

    Not in /tmp: that may be a small disk, or memory, and a file can be moved from here to its place.
    """
    parent = Path(beside).parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".partial-") as name:
        folder = Path(name).resolve()
        _open.add(folder)
        try:
            yield Path(name)
        finally:
            measure()
            _open.discard(folder)


@contextmanager
def libraries_scratch(beside: str | Path) -> Iterator[None]:
    """Until the block ends, `tempfile`, which libraries use, writes into a scratch folder in this process."""
    with scratch(beside) as folder:
        before, tempfile.tempdir = tempfile.tempdir, str(folder.resolve())
        try:
            yield
        finally:
            tempfile.tempdir = before


def reserve(folder: str | Path, size: int) -> None:
    """Raises OSError if the disk has no room for so many bytes more in a folder: for libraries that go
    another way in silence when they cannot write."""
    with tempfile.TemporaryFile(dir=folder) as file:
        if size:
            os.posix_fallocate(file.fileno(), 0, size)


def measure() -> None:
    """Look how much lies in the scratch folders of this process now; they do so themselves when they end."""
    global _most
    outer = [folder for folder in tuple(_open) if _open.isdisjoint(folder.parents)]
    _most = max(_most, sum(map(_size, outer)))


def most_bytes() -> int:
    """The most bytes that were seen in the scratch folders of this process at once."""
    return _most


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).stat().st_size
            except FileNotFoundError:  # files come and go
                continue
    return total
