"""What a line of the history says of its surroundings: when, by which code and packages, on which machine."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from zoo.jobs.surroundings import commit, cpu_name, tools

RUNTIMES = ("ncnn", "torch", "onnxruntime")


@dataclass(frozen=True)
class Environment:
    """time: UTC, to the second, as ISO 8601 has it. commit: see `commit_of`. versions: of RUNTIMES, those
    that are installed."""

    time: str
    commit: str | None
    versions: Mapping[str, str]
    host: str
    processor: str

    @classmethod
    def now(cls, *folders: Path) -> Self:
        """Of this process. folders: as `commit_of` takes them."""
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        versions = {name: version for name, version in tools().items() if name in RUNTIMES}
        return cls(time, commit_of(*folders), versions, socket.gethostname(), cpu_name())


def commit_of(*folders: Path) -> str | None:
    """The commit that is checked out in the first folder of which git knows something, 12 digits, with
    `-dirty` behind if files there that git knows differ from it; None if git knows none of them."""
    found = (commit(folder) for folder in folders)
    return next((str(each) for each in found if each is not None), None)
