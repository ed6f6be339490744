"""A folder of entries, each the files of one job: whole or not there, whoever writes and however they end.

An entry is a folder that is moved into place when it is written and flushed. It says the SHA-256 of its
files, which are compared each time they are taken. When it was used last is the time of its `entry.json`.
"""

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from zoo.cache.key import VERSION
from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.jobs.scratch import scratch, sweep

_MARK = "ncnn-zoo-cache.json"
_ENTRY = "entry.json"
_CHUNK = 1 << 20


class Damaged(Exception):
    """An entry that is not what was put there."""


@dataclass(frozen=True)
class Entry:
    """files: the name, SHA-256 and bytes of each. maker: who put it there, for people."""

    files: list[tuple[str, str, int]]
    rule: str
    maker: str

    @classmethod
    def read(cls, folder: Path) -> "Entry":
        """Raises FileNotFoundError if there is none, and Damaged."""
        try:
            found = json.loads((folder / _ENTRY).read_bytes())
            return cls(
                [(str(name), str(digest), int(size)) for name, digest, size in found["files"]],
                str(found["rule"]),
                str(found["maker"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise Damaged(f"{folder.name[:16]}: {_ENTRY} is broken") from error


class Store:
    """root: the folder, which many may use at once. limit: the most bytes that stay in it; None: no limit."""

    def __init__(self, root: Path, limit: int | None = None) -> None:
        self.root, self.limit = root, limit

    @classmethod
    def opened(cls, root: Path, limit: int | None = None) -> "Store":
        """Make the folder if need be. Raises ZooError if it is something else, of another version, or not to
        be had."""
        mark = root / _MARK
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not mark.exists():
                if any(not each.name.startswith(".") and each.name != _MARK for each in root.iterdir()):
                    raise ZooError(f"{root} is no cache of ncnn-zoo; name an empty folder")
                _write(mark, json.dumps({"version": VERSION}))
            version = json.loads(mark.read_bytes())["version"]
        except OSError as error:
            raise ZooError(f"{root} cannot be used as a cache: {_reason(error)}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise ZooError(f"{root} cannot be used as a cache: {_MARK} in it is broken") from error
        if version != VERSION:
            raise ZooError(
                f"{root} is a cache of version {version}, and this ncnn-zoo has version {VERSION}; "
                "name another folder"
            )
        return cls(root, limit)

    def take(self, key: str, targets: Sequence[Path]) -> Entry | None:
        """Put copies of the files of an entry where a job would have made them. None if there is no such
        entry. Raises Damaged if it is not what was put there; it is gone then."""
        folder = self._folder(key)
        try:
            entry = Entry.read(folder)
            places = [*targets, *(targets[0].with_name(name) for name, *_ in entry.files[len(targets) :])]
            if [place.name for place in places] != [name for name, *_ in entry.files]:
                raise Damaged(f"{key[:16]}: it has other files")
            with replacing(*places) as temporaries:
                for (name, digest, _), temporary in zip(entry.files, temporaries, strict=True):
                    if _copy(folder / name, temporary) != digest:
                        raise Damaged(f"{key[:16]}: the content of {name} was changed")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Damaged:
            self._remove(folder)
            raise
        with suppress(OSError):  # another user's
            os.utime(folder / _ENTRY)
        return entry

    def put(self, key: str, files: Sequence[Path], rule: str) -> None:
        """Add an entry, unless there is one. Raises OSError, and ZooError for a full disk."""
        folder = self._folder(key)
        if folder.exists():
            return
        sweep(self.root)
        with scratch(self.root / key) as temporary:
            new = temporary / key
            new.mkdir()
            told = [(file.name, _copy(file, new / file.name), file.stat().st_size) for file in files]
            maker = f"{getpass.getuser()} on {socket.gethostname()}"
            _write(new / _ENTRY, json.dumps(asdict(Entry(told, rule, maker))))
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _unless_another_was_first(folder):
                new.rename(folder)
        if self.limit is not None:
            self.prune(self.limit)

    def prune(self, limit: int) -> tuple[int, int]:
        """Remove the entries that were used least recently until the others have no more than so many bytes;
        returns how many, and their bytes. If another process is at it, nothing is done."""
        sweep(self.root)
        entries = sorted(self._entries())
        total, removed, freed = sum(size for _, size, _ in entries), 0, 0
        with (self.root / "prune.lock").open("w") as handle:
            try:
                flock(handle, LOCK_EX | LOCK_NB)
            except OSError:
                return 0, 0
            for _, size, folder in entries:
                if total - freed <= limit:
                    break
                if self._remove(folder):
                    removed, freed = removed + 1, freed + size
        return removed, freed

    def size(self) -> tuple[int, int]:
        """How many entries there are, and their bytes."""
        sizes = [size for _, size, _ in self._entries()]
        return len(sizes), sum(sizes)

    def _entries(self) -> Iterator[tuple[float, int, Path]]:
        """When each was used last, in seconds; its bytes; its folder."""
        for folder in self.root.glob("entries/*/*"):
            with suppress(OSError):
                size = sum(file.stat().st_size for file in folder.iterdir())
                yield (folder / _ENTRY).stat().st_mtime, size, folder

    def _remove(self, folder: Path) -> bool:
        """Nobody sees half of it: it is moved away first."""
        with suppress(OSError), scratch(self.root / folder.name) as temporary:
            folder.rename(temporary / folder.name)
            return True
        return False

    def _folder(self, key: str) -> Path:
        return self.root / "entries" / key[:2] / key


@contextmanager
def _unless_another_was_first(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        if not folder.exists():
            raise


def _reason(error: OSError) -> str:
    """A folder that is missing when it is to be made lies where nobody can make any, as below /proc."""
    if isinstance(error, FileNotFoundError):
        return "no folder can be made there"
    return (error.strerror or "the disk does not answer").lower()


def _copy(source: Path, target: Path) -> str:
    """Copy a file, to the disk; returns its SHA-256."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
