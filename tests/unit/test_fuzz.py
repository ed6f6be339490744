"""Damaged files of every kind that the project reads; benchmarks/fuzz.py does so for a million of them."""

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks/fuzz.py"


def test_every_reader_takes_a_damaged_file_or_refuses_it_with_the_projects_own_error():
    command = [sys.executable, FUZZ, "--count", "1600", "--seed", "10"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "1600 files, 0 faults (crash: 0, hang: 0, memory: 0, exception: 0)\n"


def test_a_case_can_be_done_again():
    command = [sys.executable, FUZZ, "--case", "5"]
    first, second = (
        subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=300, check=True
        ).stdout
        for _ in range(2)
    )
    assert first == second and first.startswith("Benchmark: b")


def test_a_campaign_goes_on_where_another_ended():
    command = [sys.executable, FUZZ, "--start", "1590", "--count", "1600", "--seed", "10", "--processes", "1"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.stdout == "10 files, 0 faults (crash: 0, hang: 0, memory: 0, exception: 0)\n", done.stderr
