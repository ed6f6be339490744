"""What a build made: of each file that a job put in its place its SHA-256, and its state then, by which a
later change is told without reading the file.

It is kept for the files below a folder that has a folder `.made`, in that folder, under the same path; for
others nothing is. Only the standard library is imported: a build asks each time it starts.
"""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = ".made"
OF_INPUTS = ".inputs"
"""The folder beside it of the notes of `remembered_sha256`, on files that are the user's."""
UNFINISHED = ".partial-"
"""What the names of folders of files in the making start with; what is put there is in no place yet."""


def state(path: str | Path) -> list[int]:
    """Bytes, ns of the last change of the content, ns of any change, and inode. The third cannot be set."""
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def sha256(*paths: str | Path) -> str:
    """SHA-256 of a file's bytes, in hex; of several files, of their bytes one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with Path(path).open("rb") as handle:
            hashlib.file_digest(handle, lambda: digest)
    return digest.hexdigest()


@dataclass(frozen=True)
class Made:
    """What is kept of a file. hashes: of what a job put there, and, while it does, of what was there before;
    or what `remembered` keeps. state: see `state`; None while it does."""

    hashes: tuple[str, ...]
    state: list[int] | None = None

    @classmethod
    def read(cls, note: Path) -> "Made | None":
        """None if there is none, or if it is damaged."""
        try:
            hashes, its_state = json.loads(note.read_bytes())
            return cls(tuple(hashes), its_state)
        except (OSError, ValueError, TypeError):
            return None

    def write(self, note: Path) -> None:
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary = note.with_name(f"{note.name}.{os.getpid()}.new")
        temporary.write_text(json.dumps([self.hashes, self.state]))
        temporary.replace(note)


def note_of(path: str | Path) -> Path | None:
    """Where what is kept of a file lies, or would; None for a file of which nothing is kept."""
    root = root_of(path)
    return root and root / FOLDER / Path(path).absolute().relative_to(root)


def root_of(path: str | Path) -> Path | None:
    """The folder whose folder `.made` has what is kept of a file; None if nothing is kept of it."""
    final = Path(path).absolute()
    if any(part.startswith(UNFINISHED) for part in final.parts):
        return None
    return next((folder for folder in final.parents if (folder / FOLDER).is_dir()), None)


@contextmanager
def noting(finals: Sequence[Path], temporaries: Sequence[Path]) -> Iterator[Mapping[Path, str]]:
    """The block moves the temporary files to their places. A job that is killed meanwhile leaves old files or
    new ones, so both count as made until all are there. Yields the SHA-256 of the new ones that are kept."""
    notes = {final: note for final in finals if (note := note_of(final)) is not None}
    new = {
        final: sha256(temporary)
        for final, temporary in zip(finals, temporaries, strict=True)
        if final in notes
    }
    for final, note in notes.items():
        before = Made.read(note)
        Made(tuple(dict.fromkeys([new[final], *(before.hashes if before else ())]))).write(note)
    yield new
    for final, note in notes.items():
        Made((new[final],), state(final)).write(note)


def made_sha256(path: Path) -> str:
    """The SHA-256 of a file: what is kept of it if its state is the same, else from its bytes."""
    note = note_of(path)
    made = Made.read(note) if note else None
    return made.hashes[0] if made and made.state == state(path) else sha256(path)


def remembered_sha256(notes: Path, *paths: Path) -> str:
    """The SHA-256 of files that are the user's, see `sha256`: from a note in the folder `notes` while the
    state of each is that of when they were read, else from their bytes. Raises OSError if one cannot be
    read."""
    return remembered(notes, "", paths, lambda: [sha256(*paths)])[0]


def remembered(
    notes: Path, what: str, paths: Sequence[Path], find: Callable[[], Sequence[str]]
) -> tuple[str, ...]:
    """What `find` tells of files that are the user's, kept as a note in the folder `notes` while the state of
    each is the same. what: a name for it. Raises OSError if a file is not there, and what `find` raises."""
    parts = [*map(os.fsencode, paths), *([what.encode()] if what else [])]
    note = notes / hashlib.sha256(b"\0".join(parts)).hexdigest()
    made, now = Made.read(note), _joint_state(paths)
    if made and made.state == now:
        return made.hashes
    told = tuple(find())
    with suppress(OSError):  # a zoo that is only read
        Made(told, now).write(note)
    return told


def _joint_state(paths: Sequence[Path]) -> list[int]:
    """The state of a file; of several, one number that stands for those of all, which may be a million."""
    if len(paths) == 1:
        return state(paths[0])
    digest = hashlib.sha256()
    for path in paths:
        digest.update(struct.pack("<4Q", *(word % 2**64 for word in state(path))))
    return [int.from_bytes(digest.digest(), "little")]


def changed(root: Path, concerned: Callable[[str], bool]) -> list[str]:
    """The files below a folder that are not what the build made, by their paths there, sorted.

    concerned: whether a path is asked about. A file of another state is read; if its bytes are the same, as
    in a copy of the folder, its new state is kept. Files that are gone are no matter.
    """
    notes = root / FOLDER
    start = len(f"{notes}/")
    paths = (
        f"{folder}/{name}"[start:]
        for folder, _, names in os.walk(notes)
        for name in names
        if not name.endswith(".new")
    )
    return sorted(path for path in paths if concerned(path) and not _as_made(root / path, notes / path))


def _as_made(path: Path, note: Path) -> bool:
    made = Made.read(note)
    try:
        if made is None or made.state == (now := state(path)):
            return True
        same = sha256(path) in made.hashes
    except FileNotFoundError:
        return True
    if not same:
        # A job may have put another in its place meanwhile, whose note is another too.
        return Made.read(note) != made and _as_made(path, note)
    if made.state is not None:  # else a job is at it, or was killed
        with suppress(OSError):  # a zoo that is only read
            Made(made.hashes, now).write(note)
    return True
