"""Folders for temporary files, which lie beside what they are for, and how much the files in them took.

A folder is locked as long as the process lives that made it, so that those of the dead can be told: `sweep`.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from zoo.jobs.host import Host

_PREFIX = ".partial-"

_open: set[Path] = set()
_most = 0


@contextmanager
def scratch(beside: str | Path) -> Iterator[Path]:
    """Yield a fresh folder in that of `beside`, which is made if need be; it is gone when the block ends.

    Not in /tmp: that may be a small disk, or memory, and a file can be moved from here to its place.
    """
    parent = Path(beside).parent
    parent.mkdir(parents=True, exist_ok=True)
    with _locked_folder(parent) as name:
        folder = name.resolve()
        _open.add(folder)
        try:
            yield name
        finally:
            measure()
            _open.discard(folder)


@contextmanager
def _locked_folder(parent: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        # A sweep between making and locking would take it for one of the dead.
        with _handle(parent) as around:
            _lock(around, fcntl.LOCK_SH)
            prefix = f"{_PREFIX}{Host.own()}-"
            name = stack.enter_context(tempfile.TemporaryDirectory(dir=parent, prefix=prefix))
            # Shared, for scratch folders may lie in it.
            _lock(stack.enter_context(_handle(Path(name))), fcntl.LOCK_SH)
        yield Path(name)


def sweep(root: str | Path) -> list[Path]:
    """Remove the scratch folders below `root` whose processes are dead; returns them.

    Those of the living stay, and so do those of other machines, of which nothing can be told from here.
    """
    removed: list[Path] = []
    for parent, folders, _ in os.walk(root):
        left = [Path(parent, name) for name in folders if name.startswith(_PREFIX)]
        folders[:] = [name for name in folders if not name.startswith(_PREFIX)]
        if left:
            removed += _sweep(Path(parent), left)
    return removed


def _sweep(parent: Path, folders: Iterable[Path]) -> Iterator[Path]:
    with _handle(parent) as around:
        if not _lock(around, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return  # one is being made
        for folder in folders:
            with suppress(FileNotFoundError), _handle(folder) as handle:
                if Host.of(folder.name.removeprefix(_PREFIX)).has_ended(handle):
                    shutil.rmtree(folder)
                    yield folder


@contextmanager
def _handle(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield handle
    finally:
        os.close(handle)


def _lock(handle: int, how: int) -> bool:
    """Whether there is a lock now; some network file systems have none for folders, and are never swept."""
    with suppress(OSError):
        fcntl.flock(handle, how)
        return True
    return False


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
