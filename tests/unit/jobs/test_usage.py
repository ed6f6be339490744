"""What a job used is what it used: memory of its children included, and the files that it left nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.jobs import scratch as scratches
from zoo.jobs.files import replacing
from zoo.jobs.reporting import reporting, used
from zoo.jobs.scratch import scratch
from zoo.jobs.usage import UNKNOWN_MB, Watch, fitting, megabytes, request

MB = 1 << 20


@pytest.fixture(autouse=True)
def nothing_seen_before(monkeypatch):
    monkeypatch.setattr(scratches, "_most", 0)


def test_files_that_children_write_and_remove_are_seen(tmp_path):
    with scratch(tmp_path / "a") as folder:
        watch = Watch()
        code = "import pathlib, sys, time; p = pathlib.Path(sys.argv[1]); p.write_bytes(bytes(3 << 20));"
        command = [sys.executable, "-c", f"{code} time.sleep(1.5); p.unlink()", str(folder / "big")]
        subprocess.run(command, check=True)
        assert watch.stop().disk_mb == 3


def test_memory_is_that_of_children_too_together_if_they_run_together():
    hold = [sys.executable, "-c", "x = bytearray(120 << 20); import time; time.sleep(2.5)"]
    watch = Watch()
    children = [subprocess.Popen(hold) for _ in range(2)]
    for child in children:
        child.wait()
    usage = watch.stop()
    assert 240 < usage.memory_mb < 5000
    assert usage.seconds >= 2.5


@pytest.mark.parametrize("fails", [False, True])
def test_the_log_of_a_job_ends_with_what_it_used(tmp_path: Path, capsys, fails: bool):
    log = tmp_path / "log"
    try:
        with reporting(log, "x"), replacing(tmp_path / "out") as (temporary,):
            temporary.write_bytes(bytes(2 * MB))
            if fails:
                raise MemoryError
    except SystemExit:
        pass
    usage = used(log)
    assert usage is not None and usage.disk_mb == 2 and usage.memory_mb > 0 and usage.cpu_seconds > 0
    assert "used: " in log.read_text().splitlines()[-1]


def test_a_log_of_a_job_that_is_not_done_says_nothing(tmp_path):
    (tmp_path / "log").write_text("2026-01-01 INFO rewrites: []\n")
    assert used(tmp_path / "log") is None


def test_a_request_grows_with_the_largest_file_and_is_in_full_hundreds(tmp_path):
    small, large = tmp_path / "small.json", tmp_path / "large.bin"
    small.write_bytes(b"{}")
    with large.open("wb") as handle:
        handle.truncate(2000 * MB)
    assert request(450, 3, [small]) == 500
    assert request(450, 3, [small, large]) == 6500
    assert request(450, 3, []) == 500


def test_a_file_that_is_to_be_fetched_counts_as_it_is_there(tmp_path):
    far = tmp_path / "far.bin"
    assert request(450, 3, [far], elsewhere={str(far): 2000 << 20}) == 6500
    far.touch()
    assert request(450, 3, [far], elsewhere={str(far): 2000 << 20}) == 500


def test_a_request_is_twice_as_much_at_each_attempt():
    assert [request(250, 0, [], attempt) for attempt in (1, 2, 3)] == [300, 600, 1200]


def test_a_file_that_is_still_to_be_made_counts_as_one_of_usual_size(tmp_path):
    assert request(0, 1, [tmp_path / "gone.bin"]) == UNKNOWN_MB


@pytest.mark.parametrize(
    ("wanted", "memory_mb", "expected"),
    [(8, 1000, 4), (2, 1000, 2), (8, 999, 3), (8, 250, 1), (8, 0, 1), (0, 1000, 1), (8, float("inf"), 8)],
)
def test_as_many_processes_as_fit_and_at_least_one(wanted, memory_mb, expected):
    assert fitting(wanted, memory_mb, each_mb=200, own_mb=200) == expected


def test_what_was_asked_for_so_many_processes_holds_them():
    for processes in range(1, 65):
        each, own = 200 + 1.1 * 3, 400 + 0.7 * 3
        assert fitting(100, own + processes * each, each, own) == processes


def test_the_size_of_files_is_that_of_those_that_are_there(tmp_path):
    for name, size in (("a", MB), ("b", MB // 2)):
        (tmp_path / name).write_bytes(bytes(size))
    assert megabytes(tmp_path / name for name in ("a", "b", "gone")) == 1.5
