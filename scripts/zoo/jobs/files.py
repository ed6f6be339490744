"""Writing files so that no reader, and no killed job, ever sees half of one."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs import making
from zoo.jobs.made import noting
from zoo.jobs.made import sha256 as sha256
from zoo.jobs.scratch import measure, scratch

FULL_DISK = "no space left on the disk; free some and run again"
_FULL = ("No space left on device", "Disk quota exceeded")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def is_full_disk(error: BaseException | None) -> bool:
    """Whether an exception, or one that it was raised from, is about a full disk: libraries in C++ and Rust
    raise such errors as classes of their own."""
    while error is not None:
        numbers = (errno.ENOSPC, errno.EDQUOT)
        if getattr(error, "errno", None) in numbers or any(text in str(error) for text in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def regular(path: str | Path) -> Path:
    """The path, if it leads to nothing else than a regular file, or to nothing: a pipe would be waited for,
    a device may have no end. Raises ZooError."""
    try:
        kind = stat.S_IFMT(Path(path).stat().st_mode)
    except OSError:
        return Path(path)  # whoever opens it says what is wrong
    if kind != stat.S_IFREG:
        raise ZooError(
            f"{path} is {_KINDS.get(kind, 'of a strange kind')}, no regular file; name one that is"
        )
    return Path(path)


@contextmanager
def replacing(*targets: str | Path) -> Iterator[list[Path]]:
    """Yield one temporary path per target, in a fresh directory beside the first one.

    When the block ends well, every temporary file is flushed to disk and moved over its target; when it
    raises, the targets are untouched. Of several targets (`.param`, `.bin`) the first goes before the others
    change, and comes back after them: whoever finds it finds all of them, whenever the process is killed or
    the machine loses its power.
    The temporary files keep the names of their targets, for tools that look at suffixes; so all
    names must differ. Folders of targets are made.

    Raises ZooError if a file is missing when the block ends or the disk is full.
    """
    finals = [Path(target) for target in targets]
    try:
        for final in finals:
            final.parent.mkdir(parents=True, exist_ok=True)
        with scratch(finals[0]) as folder:
            temporaries = [folder / final.name for final in finals]
            yield temporaries
            for temporary, final in zip(temporaries, finals, strict=True):
                if not temporary.is_file():
                    raise ZooError(f"{final}: nothing was written")
                with temporary.open("rb") as handle:
                    os.fsync(handle.fileno())
            measure()
            with noting(finals, temporaries) as hashes:
                making.note(hashes)
                _move(temporaries, finals)
    except OSError as error:
        if is_full_disk(error):
            raise ZooError(f"{finals[0]}: {FULL_DISK}") from error
        raise


def _move(temporaries: Sequence[Path], finals: Sequence[Path]) -> None:
    if len(finals) > 1:
        finals[0].unlink(missing_ok=True)
        _flush_folders(finals[:1])
        for temporary, final in zip(temporaries[1:], finals[1:], strict=True):
            temporary.replace(final)
        _flush_folders(finals[1:])
    temporaries[0].replace(finals[0])
    _flush_folders(finals[:1])


def _flush_folders(files: Iterable[Path]) -> None:
    """Flush to disk which names the files' folders hold."""
    for folder in {file.parent for file in files}:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
