"""What a process gives up before it runs a program from a file."""

import os
import resource
import socket
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import ArtifactError, ZooError
from zoo.jobs.isolation import isolated
from zoo.runners.bounds import MEMORY_MB, fault, give_up, limit_memory, memory_for

WITH_PRIVILEGES = pytest.mark.skipif(
    os.geteuid() != 0, reason="without privileges not every system lets a process do so"
)


def writing(*paths: Path, writable: tuple[Path, ...] = (), prints: bool = False) -> list[str]:
    """What writing to each path says, in a process that gave up."""
    give_up(writable, prints)
    said = []
    for path in paths:
        try:
            path.write_bytes(b"x" * 10)
            said.append("written")
        except OSError as error:
            said.append(os.strerror(error.errno or 0))
    return said


def devices() -> list[str]:
    give_up()
    return [name for _, name in socket.if_nameindex()]


def megabytes(count: int) -> int:
    limit_memory(64)
    try:
        return int(np.ones(count << 20, np.uint8)[::4096].sum())
    except MemoryError as error:
        raise fault(error, "the model", "it cannot run") from error


def limits(granted_mb: int) -> tuple[int, int]:
    resource.setrlimit(resource.RLIMIT_DATA, (granted_mb << 20, granted_mb << 20))
    give_up()
    limit_memory(MEMORY_MB)
    return resource.getrlimit(resource.RLIMIT_DATA)


def test_memory_is_never_granted_anew():
    assert isolated("it", limits, MEMORY_MB - 1) == (MEMORY_MB - 1 << 20,) * 2


def test_files_are_written_in_the_folders_that_are_named_only(tmp_path: Path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.write_bytes(b"before")
    said = isolated(
        "it", writing, inside / "a", outside, tmp_path / "b", Path("/dev/null"), writable=(inside,)
    )
    assert said == ["written", "Permission denied", "Permission denied", "written"]
    assert outside.read_bytes() == b"before"


@pytest.mark.parametrize("prints", [False, True])
def test_nothing_is_written_where_no_folder_is_named(tmp_path: Path, prints: bool):
    assert isolated("it", writing, tmp_path / "a", prints=prints) == ["Permission denied"]
    assert not (tmp_path / "a").exists()


@WITH_PRIVILEGES
def test_there_is_no_network():
    assert set(isolated("it", devices)) <= {"lo"}


def test_a_limit_on_memory_that_is_met_is_named():
    assert isolated("it", megabytes, 1) == 256
    with pytest.raises(ZooError, match=r"^the model asks for more than 64 MB of memory, the limit"):
        isolated("it", megabytes, 200)


def limited_twice() -> list[int]:
    limits = []
    for count in (500, 900):
        limit_memory(count)
        limits.append(resource.getrlimit(resource.RLIMIT_DATA)[1])
    return limits


def test_a_smaller_limit_that_there_is_already_stays():
    first, second = isolated("it", limited_twice)
    assert first == second


def test_without_a_limit_a_lack_of_memory_is_the_machines():
    assert isinstance(fault(MemoryError("x"), "the model", "it cannot run"), MemoryError)
    assert isinstance(fault(ValueError("x"), "the model", "it cannot run"), ArtifactError)


def test_a_large_file_may_take_more(tmp_path: Path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(4 << 30)
    assert memory_for([tmp_path / "none"]) == MEMORY_MB
    assert memory_for([tmp_path / "large"]) == 32 << 10
