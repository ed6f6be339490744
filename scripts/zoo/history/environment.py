"""What a line of the history says of its surroundings: when, by which code and packages, on which machine."""

import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Self

from zoo.jobs.surroundings import cpu_name

PACKAGES = ("ncnn", "torch", "onnxruntime")


@dataclass(frozen=True)
class Environment:
    """time: UTC, to the second, as ISO 8601 has it. commit: git's, with `-dirty` where files differ from it;
    None outside of a repository. versions: of PACKAGES, those that are installed."""

    time: str
    commit: str | None
    versions: Mapping[str, str]
    host: str
    processor: str

    @classmethod
    def now(cls, *folders: Path) -> Self:
        """Of this process. folders: where a git repository is looked for, the first one counts."""
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return cls(time, commit(folders), versions(), socket.gethostname(), cpu_name())


def versions() -> dict[str, str]:
    """The installed version of each of PACKAGES that there is."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


def commit(folders: Iterable[Path]) -> str | None:
    """The commit of the first folder that is in a git repository, 12 digits, with `-dirty` if files that git
    knows were changed."""
    git = shutil.which("git")
    describe = ("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    for folder in folders if git else ():
        done = subprocess.run([str(git), *describe], cwd=folder, capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    return None
