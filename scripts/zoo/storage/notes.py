"""What a build keeps of how files came to be, sent beside them: the next machine goes on as if it were this.

Snakemake keeps in `.snakemake/metadata` by which settings and inputs a file was made, and this library below
`results/` what was made and how (see `zoo.jobs.made`). Of these files those that are new are sent together,
as one archive, while a build runs and when it ends; archives are numbered, and later ones win.
"""

import io
import json
import os
import tarfile
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from uuid import uuid4

from zoo.jobs import made, making
from zoo.jobs.files import replacing
from zoo.storage.bucket import OURS, Bucket, Stored

BELOW = f"{OURS}notes/"
OF_JOBS = f"{OURS}jobs/"
"""What jobs leave that run where no folder is shared with the build."""
_MOST = 30
"""Archives, before they are put together."""
_HEAD = "head.json"
_METADATA = ".snakemake/metadata"
_UNFINISHED = ".snakemake/incomplete"


@dataclass(frozen=True)
class Head:
    """begun: when the notes of an archive were gathered, in seconds by the clock of the storage. ended:
    whether that was all of a build that ended; if not, `unfinished` are the files, below the prefix, that
    jobs were about to make then."""

    begun: float
    ended: bool
    unfinished: list[str] = field(default_factory=list)


@dataclass
class _Known:
    """What this folder has. url: of which storage; have: the names of archives; sent: the state of each file
    when it was sent or received: bytes, and ns of the last change."""

    url: str
    have: list[str] = field(default_factory=list)
    sent: dict[str, list[int]] = field(default_factory=dict)


class Notes:
    """The notes of a working copy. results: the folder of results in it, where one works."""

    def __init__(self, bucket: Bucket, results: str, place: Path) -> None:
        self._bucket, self._results = bucket, results
        self._file = place / "notes.json"
        self._known = self._read_known()
        self._alone = Lock()

    def fetch(self) -> list[Head]:
        """Receive what is new; returns the heads of all that is there, the last one last, of which only those
        received now and the last are read."""
        Path(_UNFINISHED).mkdir(parents=True, exist_ok=True)  # without it Snakemake takes them for old ones
        names = sorted(stored.name for stored in self._bucket.listed(BELOW))
        heads = []
        for name in names:
            if name not in self._known.have or name == names[-1]:
                found = self._bucket.read(name)
                heads += [self._receive(found[0], name in self._known.have)] if found else []
        self._known.have = names
        self._write_known()
        return heads

    def send(self, ended: bool, everything: bool = False, always: bool = True) -> None:
        """Send what is new since, or everything, and whether the build ended. always: also if nothing is."""
        with self._alone:
            begun = self._bucket.now
            files = dict(self._files())
            new = [path for path, state in files.items() if everything or self._known.sent.get(path) != state]
            unfinished = [] if ended else list(self._unfinished())
            if not (new or always):
                return
            name = f"{BELOW}{self._next():08d}.tar.xz"
            self._bucket.write(name, _packed(new, Head(begun, ended, unfinished)))
            self._known.sent.update({path: files[path] for path in new})
            self._known.have.append(name)
            self._write_known()

    def leave(self) -> None:
        """Send what a job keeps of what it made, for its build to gather."""
        files = [path for path, _ in self._files()]
        self._bucket.write(f"{OF_JOBS}{uuid4().hex}.tar.xz", _packed(files, Head(self._bucket.now, True)))

    def gather(self) -> None:
        """Receive what jobs left; it is sent with what is new here."""
        for name in [stored.name for stored in self._bucket.listed(OF_JOBS)]:
            if found := self._bucket.read(name):
                self._receive(found[0], only_head=False, as_sent=False)
            self._bucket.remove([name])

    def put_together(self) -> None:
        """Replace many archives by one."""
        if len(older := list(self._known.have)) > _MOST:
            self.send(ended=False, everything=True)
            self._bucket.remove(older)
            self._known.have = self._known.have[len(older) :]
            self._write_known()

    def _next(self) -> int:
        return max((int(Path(name).name.partition(".")[0]) for name in self._known.have), default=0) + 1

    def _files(self) -> Iterator[tuple[str, list[int]]]:
        folders = [_METADATA, *(f"{self._results}/{name}" for name in (made.FOLDER, making.FOLDER))]
        paths = [f"{parent}/{name}" for top in folders for parent, _, names in os.walk(top) for name in names]
        for path in [*paths, f"{self._results}/history.jsonl"]:
            with suppress(FileNotFoundError):
                if not path.endswith(".new"):
                    state = Path(path).stat()
                    yield path, [state.st_size, state.st_mtime_ns]

    def _unfinished(self) -> Iterator[str]:
        for parent, _, names in os.walk(_UNFINISHED):
            for name in names:
                encoded = f"{parent}/{name}".removeprefix(f"{_UNFINISHED}/").replace("/@", "").lstrip("@")
                with suppress(ValueError):
                    query = urlsafe_b64decode(encoded.replace("/", "")).decode()
                    yield query.removeprefix(f"{self._bucket.url}/")

    def _receive(self, data: bytes, only_head: bool, as_sent: bool = True) -> Head:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:xz") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is None:
                    continue
                if member.name == _HEAD:
                    head = Head(**json.load(content))
                elif not only_head and self._is_note(member.name):
                    _put(Path(member.name), content.read())
                    state = Path(member.name).stat()
                    if as_sent:
                        self._known.sent[member.name] = [state.st_size, state.st_mtime_ns]
        return head

    def _is_note(self, path: str) -> bool:
        """Whether a path is one of those that are sent: an archive may be anybody's."""
        tops = (f"{_METADATA}/", *(f"{self._results}/{name}/" for name in (made.FOLDER, making.FOLDER)))
        return ".." not in path.split("/") and (
            path.startswith(tops) or path == f"{self._results}/history.jsonl"
        )

    def _read_known(self) -> _Known:
        with suppress(OSError, ValueError, TypeError):
            known = _Known(**json.loads(self._file.read_bytes()))
            if known.url == self._bucket.url:
                return known
        return _Known(self._bucket.url)

    def _write_known(self) -> None:
        with replacing(self._file) as [temporary]:
            temporary.write_text(json.dumps(asdict(self._known)))


def doubtful(heads: Iterable[Head], stored: Iterable[Stored]) -> list[str]:
    """The objects of which nobody can say how they came to be: the build that wrote them did not end, and had
    not sent its notes on them. heads: see `Notes.fetch`."""
    last = list(heads)[-1:]
    if not last or last[0].ended:
        return []
    return [each.name for each in stored if each.changed >= last[0].begun or each.name in last[0].unfinished]


def _packed(paths: Iterable[str], head: Head) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=3) as archive:
        _add(archive, _HEAD, json.dumps(asdict(head)).encode())
        for path in paths:
            with suppress(FileNotFoundError):
                _add(archive, path, Path(path).read_bytes())
    return buffer.getvalue()


def _put(file: Path, content: bytes) -> None:
    """Not as results are written: of notes no notes are kept, and there are many of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name[:200]}.{os.getpid()}.new")
    temporary.write_bytes(content)
    temporary.replace(file)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
