"""How each file came to be, written down when it is put in its place: by which rule, of which inputs, with
which settings, and in what surroundings.

It is kept for the files of which `zoo.jobs.made` keeps something, in a folder beside that one.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import Any, Protocol, Self

from zoo.jobs.made import made_sha256, root_of, sha256
from zoo.jobs.surroundings import Surroundings

FOLDER = ".made-by"


class Job(Protocol):
    """What a script is told of the job that it runs for."""

    rule: str
    input: Any
    params: Any


@dataclass(frozen=True)
class Making:
    """sha256: of the file that was made. inputs: the SHA-256 of each file, or folder of files, that its job
    read. params: the settings, states of images and code, and what else its rule gave the job."""

    sha256: str
    rule: str
    inputs: Mapping[str, str]
    params: Mapping[str, Any]
    surroundings: Surroundings

    @classmethod
    def read(cls, path: Path) -> "Making | None":
        """What is kept of a file; None if nothing is, or it is damaged. It may be of another content: the
        hashes tell."""
        import msgspec  # here: a job that reads none starts without it

        note = _note_of(path)
        try:
            return msgspec.convert(json.loads(note.read_bytes()), cls) if note else None
        except (OSError, ValueError, RecursionError, msgspec.ValidationError):
            return None

    @classmethod
    def of(cls, job: Job, digest: str) -> Self:
        """What a job that is about to put a file with this SHA-256 in its place did."""
        inputs = {_name(path): content_sha256(Path(path)) for path in job.input}
        return cls(digest, job.rule, inputs, dict(job.params.items()), Surroundings.own())

    def write(self, path: Path) -> None:
        """Keep it for the file. Params that JSON does not have are kept as text."""
        if note := _note_of(path):
            note.parent.mkdir(parents=True, exist_ok=True)
            temporary = note.with_name(f"{note.name}.{os.getpid()}.new")
            temporary.write_text(json.dumps(asdict(self), default=str), encoding="utf-8")
            temporary.replace(note)


_job: Job | None = None


def of_job(job: Job | None) -> None:
    """The job that this process runs for from now on; None: for none."""
    global _job
    _job = job


def note(hashes: Mapping[Path, str]) -> None:
    """Keep, for files that are about to be put in their places, by their SHA-256, how the job of this process
    made them. Without a job nothing is kept."""
    if _job is not None:
        for path, digest in hashes.items():
            Making.of(_job, digest).write(path)


def content_sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names and SHA-256s of the files in it, as `sha256sum` writes
    them, in the order of their names."""
    if not path.is_dir():
        return made_sha256(path)
    return new_sha256("".join(_lines(path)).encode()).hexdigest()


def _lines(folder: Path) -> Iterable[str]:
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        yield f"{sha256(file)}  {file.relative_to(folder).as_posix()}\n"


def _name(path: str) -> str:
    """The path of an input where one works: one of results in storage may be where its copy lies."""
    root = None if Path(path).is_absolute() else root_of(path)
    return str(Path(root.name) / Path(path).absolute().relative_to(root)) if root else str(path)


def _note_of(path: Path) -> Path | None:
    root = root_of(path)
    return root and root / FOLDER / f"{path.absolute().relative_to(root)}.json"
