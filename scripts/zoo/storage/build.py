"""A build into storage from its begin to its end; only rules/storage.smk calls it."""

import atexit
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Event, Thread

from zoo.errors import ZooError
from zoo.jobs.made import FOLDER
from zoo.storage.bucket import OURS, Bucket, StorageError, Stored
from zoo.storage.copies import Copies, link
from zoo.storage.lock import NAME, RENEW_S, Lock
from zoo.storage.notes import Head, Notes, doubtful

LOOKS = {
    *("--summary", "-S", "--detailed-summary", "-D", "--list-changes", "--lc"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag"),
}
"""What of Snakemake's options has it tell of the plan, and build nothing."""
_OWN = Path(".snakemake/storage")


class Build:
    """results: the folder of results where one works, and below the prefix; place: where the copies of all
    that is stored are."""

    def __init__(self, bucket: Bucket, results: str, place: Path) -> None:
        link(results, place)
        self._bucket = bucket
        self._notes = Notes(bucket, results, _OWN)
        self._copies = Copies(place, _OWN / "copies.json")
        self._lock: Lock | None = None
        self._over = Event()
        self._told = False
        self._thread = Thread(target=self._keep_on, name="storage", daemon=True)

    def look(self) -> list[Stored]:
        """What is stored, and receive the notes on it: to plan with. Raises ZooError, as all methods do."""
        return self._look()[0]

    def begin(self) -> list[Stored]:
        """The same, and from now on nobody else builds there. What nobody can say of how it came to be is
        removed, and so are copies that are old."""
        self._lock = Lock.take(self._bucket)
        try:
            stored, heads = self._look()
            gone = set(doubtful(heads, stored))
            self._bucket.remove(gone)
            stored = [each for each in stored if each.name not in gone]
            self._copies.drop_old(stored)
            self._notes.gather()
            self._notes.put_together()
            self._notes.send(ended=False)
        except BaseException:
            self._lock.release()
            raise
        atexit.register(self._end_anyhow)
        self._thread.start()
        return stored

    def end(self) -> None:
        """Send the last notes, and let others build; once, however often it is called."""
        if self._lock is None or self._told:
            return
        self._told = True
        self._over.set()
        self._thread.join()
        self._notes.gather()
        self._notes.send(ended=True)
        self._copies.keep(self._bucket.listed())
        self._lock.release()

    def _look(self) -> tuple[list[Stored], list[Head]]:
        heads = self._notes.fetch()
        stored = [each for each in self._bucket.listed() if not each.name.startswith(OURS)]
        if stored and not heads:
            raise ZooError(
                f"{self._bucket.url} has files that nobody left notes on; name an empty place in the profile"
            )
        return stored, heads

    def _keep_on(self) -> None:
        while not self._over.wait(RENEW_S):
            try:
                self._renew()
            except StorageError as error:
                print(f"note: {error}", file=sys.stderr)
            except ZooError as error:
                print(f"\nerror: {error}\n", file=sys.stderr)
                os.kill(os.getpid(), signal.SIGINT)
                return

    def _renew(self) -> None:
        if self._lock is not None:
            self._lock.renew()
            self._notes.gather()
            self._notes.send(ended=False, always=False)

    def _end_anyhow(self) -> None:
        try:
            self.end()
        except ZooError as error:
            print(f"\nerror: {error}\n", file=sys.stderr)


def take_part(bucket: Bucket, results: str, place: Path) -> None:
    """For a job that runs where no folder is shared with its build: keep what it makes, and tell the build
    when this process ends."""
    link(results, place)
    (place / results / FOLDER).mkdir(exist_ok=True)
    atexit.register(_leave, Notes(bucket, results, _OWN))


def _leave(notes: Notes) -> None:
    try:
        notes.leave()
    except ZooError as error:
        print(f"note: {error}", file=sys.stderr)


def unlock(bucket: Bucket) -> None:
    """Take the lock of another build away."""
    bucket.remove([NAME])


def times(stored: Iterable[Stored], place: Path) -> dict[str, tuple[float, int]]:
    """By the path of the copy that there is or could be, folders too: when it was stored last, in seconds,
    and how many bytes it has."""
    found: dict[str, tuple[float, int]] = {}
    for each in stored:
        path = place / each.name
        found[str(path)] = (each.changed, each.size)
        for folder in path.parents[: -len(place.parents) - 1]:
            changed, size = found.get(str(folder), (0.0, 0))
            found[str(folder)] = (max(changed, each.changed), size + each.size)
    return found
