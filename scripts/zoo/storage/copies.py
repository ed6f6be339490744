"""The copies here of what lies in storage: `results` leads to them, and none is an old one."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from zoo.errors import ZooError
from zoo.jobs.files import replacing
from zoo.storage.bucket import Stored


def link(results: str, place: Path) -> None:
    """Let the folder of results, where one works, be that of the copies. place: where the copies of all that
    is stored are. Raises ZooError if it has files of its own."""
    top, leads = Path(results), os.path.relpath(place / results)
    (place / results).mkdir(parents=True, exist_ok=True)
    if top.is_symlink():
        if str(top.readlink()) == leads:
            return
        top.unlink()
    elif top.is_dir():
        if any(not each.name.startswith(".") for each in top.iterdir()):
            raise ZooError(
                f"{results}/ has files that were built without storage; move the folder away, and run again"
            )
        shutil.rmtree(top)  # notes on the user's own files, which are made anew
    top.symlink_to(leads)


class Copies:
    """place: the folder of the copies; what is known of them is kept in `record`, a file."""

    def __init__(self, place: Path, record: Path) -> None:
        self._place, self._record = place, record

    def drop_old(self, stored: Iterable[Stored]) -> list[str]:
        """Remove the copies that are not what is stored now; returns their names."""
        known = self._read()
        dropped = []
        for each in stored:
            file = self._place / each.name
            with suppress(FileNotFoundError):
                if [each.tag, *_state(file)] != known.get(each.name) and not _is_same(file, each):
                    file.unlink()
                    dropped.append(each.name)
                elif file.stat().st_mtime < each.changed:  # by a clock that is behind that of the storage
                    os.utime(file, (each.changed, each.changed))
        return dropped

    def keep(self, stored: Iterable[Stored]) -> None:
        """Note that the copies are of what is stored now."""
        known = {}
        for each in stored:
            with suppress(FileNotFoundError):
                known[each.name] = [each.tag, *_state(self._place / each.name)]
        with replacing(self._record) as [temporary]:
            temporary.write_text(json.dumps(known))

    def _read(self) -> dict[str, list[object]]:
        with suppress(OSError, ValueError):
            found = json.loads(self._record.read_bytes())
            return found if isinstance(found, dict) else {}
        return {}


def _state(file: Path) -> list[int]:
    state = file.stat()
    return [state.st_size, state.st_mtime_ns]


def _is_same(file: Path, stored: Stored) -> bool:
    """By its MD5, which is the tag of what was sent in one piece; of what was not, nothing is known."""
    if file.stat().st_size != stored.size:
        return False
    with file.open("rb") as handle:
        digest = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return stored.tag.strip('"') == digest
