"""What a long job measured so far, kept for the same job after an interruption."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from zoo.errors import ZooError
from zoo.jobs.making import Job, content_sha256
from zoo.jobs.records import read_json, write_json


class Kept:
    """Plain values by name in a file beside that which a job ends with; gone once `done` is called.

    key: all that the values follow from. Those of another key, and a file that cannot be read, count for
    nothing.
    """

    def __init__(self, output: str | Path, key: str) -> None:
        self._path, self._key = _unfinished(output), key
        self._values = self._left()

    @classmethod
    def of_job(cls, job: Job, output: str | Path, *further: str) -> Self:
        """For a job: the values follow from its rule, what its inputs contain, its params, and what is said
        further."""
        inputs = {str(path): content_sha256(Path(path)) for path in job.input}
        told = [job.rule, inputs, dict(job.params.items()), further]
        return cls(output, sha256(json.dumps(told, default=str).encode()).hexdigest())

    def get(self, name: str) -> Any:
        """The value of that name; None if there is none."""
        return self._values.get(name)

    def keep(self, values: Mapping[str, Any]) -> None:
        """Keep values too, from now on even if this process is killed."""
        self._values |= values
        write_json({"key": self._key, "values": self._values}, self._path)

    def done(self) -> None:
        """Nothing is to be kept any more."""
        self._path.unlink(missing_ok=True)

    def _left(self) -> dict[str, Any]:
        try:
            found = read_json(self._path)
        except (ZooError, OSError):
            return {}
        known = isinstance(found, dict) and found.get("key") == self._key
        return dict(found["values"]) if known and isinstance(found.get("values"), dict) else {}


def kept_so_far(output: str | Path) -> list[str]:
    """The names of what a job that ends with `output` has kept by now."""
    try:
        found = read_json(_unfinished(output))
    except (ZooError, OSError):
        return []
    return list(found["values"]) if isinstance(found, dict) and "values" in found else []


def _unfinished(output: str | Path) -> Path:
    path = Path(output)
    return path.with_name(f"{path.stem}.unfinished{path.suffix}")
