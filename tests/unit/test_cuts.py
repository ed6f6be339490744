"""Connections to a board that are cut at random moments; benchmarks/cuts.py does so fifty times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CUTS = Path(__file__).resolve().parents[2] / "benchmarks/cuts.py"


@pytest.mark.long(120, group="own agent")
@pytest.mark.usefixtures("sshd", "own_agent")
def test_no_cut_leaves_a_wrong_record():
    done = subprocess.run(
        [sys.executable, str(CUTS), "--count", "5", "--seed", "3"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 cuts, 0 wrong records" in done.stdout
