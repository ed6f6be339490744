"""A job whose files may have been made before, by whoever shares a cache with us."""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec

from zoo.cache.key import Ingredients, Job
from zoo.cache.store import Damaged, Store
from zoo.errors import EntryError, ZooError
from zoo.jobs.onnx_data import data_beside

KEY = ("cache", "folder")
"""Where config.yaml names the folder."""
_FOLDER, _LIMIT = "NCNN_ZOO_CACHE", "NCNN_ZOO_CACHE_BYTES"

P = ParamSpec("P")


def share(folder: str | None, limit: int | None) -> str:
    """Let the jobs of this process share a cache; returns why they do not if it cannot be used, or nothing.
    limit: bytes, None for none. Raises EntryError for a folder that can be none on any day."""
    os.environ.pop(_FOLDER, None)
    if not folder:
        return ""
    root = _root(folder)
    try:
        store = Store.opened(root, limit)
    except ZooError as error:
        return f"{error}; nothing is shared"
    os.environ[_FOLDER], os.environ[_LIMIT] = str(store.root), str(limit or "")
    return ""


def _root(folder: str) -> Path:
    """Where a folder is that config.yaml names. Raises EntryError if there is no such home, or a file in the
    way."""
    try:
        root = Path(folder).expanduser().absolute()
    except RuntimeError:
        user = Path(folder).parts[0]
        fault = f"{user} is no user's home on this machine; write the path from / on"
        raise EntryError(f"cache: folder: {fault}", KEY) from None
    with suppress(OSError):
        if file := next((each for each in (root, *root.parents) if each.is_file()), None):
            fault = f"{file} is a file, and a folder belongs there; name another"
            raise EntryError(f"cache: folder: {fault}", KEY)
    return root


def cached(job: Job, make: Callable[P, None], anywhere: bool = False) -> Callable[P, None]:
    """`make`, which makes the output of a job; or, in its place, the same files from the cache, if there is
    one and it has them. anywhere: see `Ingredients.of`."""

    def taken_or_made(*args: P.args, **kwargs: P.kwargs) -> None:
        store = _store()
        if store is None:
            make(*args, **kwargs)
            return
        key, outputs = Ingredients.of(job, anywhere).key(), [Path(path) for path in job.output]
        if not _taken(store, key, outputs):
            make(*args, **kwargs)
            _put(store, key, outputs, job.rule)

    return taken_or_made


def _store() -> Store | None:
    if not (folder := os.environ.get(_FOLDER)):
        return None
    limit = os.environ.get(_LIMIT)
    return Store(Path(folder), int(limit) if limit else None)


def _taken(store: Store, key: str, outputs: list[Path]) -> bool:
    try:
        entry = store.take(key, outputs)
    except Damaged as error:
        _tell(f"{store.root}: entry {error}; it is dropped, and made again")
        return False
    if entry is None:
        return False
    logging.info("taken from %s, entry %s, made by %s", store.root, key[:16], entry.maker)
    return True


def _put(store: Store, key: str, outputs: list[Path], rule: str) -> None:
    beside = [data for path in outputs for data in data_beside(path)]
    try:
        store.put(key, [*outputs, *beside], rule)
    except (OSError, ZooError) as error:
        _tell(f"{store.root}: nothing was added to the shared cache: {error}")


def _tell(sentence: str) -> None:
    logging.warning("%s", sentence)
    print(f"note: {sentence}", file=sys.stderr)
