"""The file that lines of history lie in: JSON Lines (https://jsonlines.org), to which builds append.

A line is whole or, after a kill, the torn end of the file, which the next build that appends takes away.
Builds that append at once wait for each other.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from zoo.errors import ZooError
from zoo.history.figures import Figures
from zoo.jobs.files import FULL_DISK, is_full_disk, regular


def line(figures: Figures) -> str:
    """A line with its end. Raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(figures.to_dict(), ensure_ascii=False, allow_nan=False) + "\n"


def read(path: Path) -> tuple[list[Figures], list[str]]:
    """The lines of a file, none if it is not there, and sentences on what had to be left out.

    Raises ZooError if the file cannot be read.
    """
    try:
        with regular(path).open("rb") as handle:
            with suppress(OSError):  # a disk without locks
                fcntl.flock(handle, fcntl.LOCK_SH)
            return parse(path, handle.read())
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise ZooError(f"{path}: cannot be read ({error})") from error


def parse(path: Path, content: bytes) -> tuple[list[Figures], list[str]]:
    """The same of the content of a file."""
    found, damaged, sentences = [], [], []
    for number, text in enumerate(_whole(content).split(b"\n"), 1):
        figures = _figures(text)
        if figures is not None:
            found.append(figures)
        elif text.strip():
            damaged.append(number)
    if damaged:
        numbers, one = ", ".join(map(str, damaged)), len(damaged) == 1
        which, is_ = (f"line {numbers}", "is") if one else (f"lines {numbers}", "are")
        sentences.append(
            f"{path}: {which} {is_} damaged, or of another version of ncnn-zoo, and {is_} left out"
        )
    if len(_whole(content)) < len(content):
        sentences.append(f"{path}: the last line is torn, by a kill or a full disk, and is dropped")
    return found, sentences


def append(path: Path, lines: Iterable[Figures]) -> tuple[list[Figures], list[str]]:
    """Append those lines that tell something new: of each artifact and machine, what differs from the last
    line. Returns them, and what `read` says.

    All are written at once, behind a lock of the file. Raises ZooError if that fails, and then nothing is
    appended.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(regular(path), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            with suppress(OSError):  # a disk without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
            return _append(handle, path, lines)
        finally:
            os.close(handle)
    except OSError as error:
        raise ZooError(f"{path}: {FULL_DISK if is_full_disk(error) else error}") from error


def news(before: Iterable[Figures], lines: Iterable[Figures]) -> list[Figures]:
    """The lines that differ from the last one before them of the same artifact on the same machine."""
    last = {(each.name, each.machine): each.what_was_measured for each in before}
    return [each for each in lines if last.get((each.name, each.machine)) != each.what_was_measured]


def _figures(text: bytes) -> Figures | None:
    try:
        return Figures.from_dict(json.loads(text))
    except (ZooError, ValueError, RecursionError):
        return None


def _whole(content: bytes) -> bytes:
    """All but a torn end. A last line that lacks its end only, as some editors leave it, is whole."""
    last = content[content.rfind(b"\n") + 1 :]
    return content if _figures(last) else content.removesuffix(last)


def _append(handle: int, path: Path, lines: Iterable[Figures]) -> tuple[list[Figures], list[str]]:
    content = _content(handle)
    before, sentences = parse(path, content)
    new = news(before, lines)
    if new:
        whole = _whole(content)
        end = "\n" if whole and not whole.endswith(b"\n") else ""
        os.ftruncate(handle, len(whole))
        try:
            _write(handle, (end + "".join(map(line, new))).encode())
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, len(whole))
            raise
    return new, sentences


def _content(handle: int) -> bytes:
    parts: list[bytes] = []
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _write(handle: int, content: bytes) -> None:
    while content:  # more than once on a disk that fills up only
        content = content[os.write(handle, content) :]
